//! Checks that there are a region and AWS credentials, and says where they come from. The check of the bus finds whether AWS
//! accepts them.

use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;

use super::aws::Aws;
use super::finding::Findings;

const CHECK: &str = "credentials";

const FIX: &str = "in a pod, annotate the service account with eks.amazonaws.com/role-arn (IRSA), or create a Pod Identity \
                   association for it, and restart the pod; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                   or AWS_PROFILE";

pub(crate) async fn check(aws: &Aws, findings: &mut Findings) {
    match aws.config.region() {
        Some(region) => findings.ok(CHECK, "region", region.to_string()),
        None => findings.fault(CHECK, "region", "there is none", "set AWS_REGION to the region of the stack"),
    }
    let Some(provider) = aws.config.credentials_provider() else {
        findings.fault(CHECK, "AWS", "there are none", FIX);
        return;
    };
    match provider.provide_credentials().await {
        Ok(credentials) => {
            let features = credentials.get_property::<Vec<Feature>>().map_or(&[][..], Vec::as_slice);
            findings.ok(CHECK, "from", in_words(features));
        }
        Err(error) => findings.fault(CHECK, "AWS", why(&error), FIX),
    }
}

fn in_words(features: &[Feature]) -> &'static str {
    let has = |wanted: &[Feature]| wanted.iter().any(|one| features.contains(one));
    if has(&[
        Feature::CredentialsEnvVarsStsWebIdToken,
        Feature::CredentialsStsAssumeRoleWebId,
        Feature::CredentialsProfileStsWebIdToken,
    ]) {
        "web identity (a service account's own role, IRSA)"
    } else if has(&[Feature::CredentialsHttp]) {
        "container endpoint (a service account's own role by EKS Pod Identity, or a task's by ECS)"
    } else if has(&[Feature::CredentialsImds]) {
        "instance metadata (the node's role, which every pod of the node has)"
    } else if has(&[Feature::CredentialsEnvVars]) {
        "environment variables (a static key)"
    } else if has(&[Feature::CredentialsProfile, Feature::CredentialsProfileSourceProfile]) {
        "a profile of the configuration file"
    } else {
        "a provider that does not say what it is"
    }
}

const fn why(error: &CredentialsError) -> &'static str {
    // By kind, because the SDK's texts name roles and endpoints.
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "there are none: no place that the AWS SDK searches has any"
        }
        CredentialsError::ProviderTimedOut(_) => "the place that gives credentials did not answer in time",
        CredentialsError::InvalidConfiguration(_) => "their configuration is wrong",
        CredentialsError::ProviderError(_) => {
            "none could be loaded: a role or token is refused, or the place that gives credentials does not answer"
        }
        _ => "they cannot be loaded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_names_where_the_credentials_come_from() {
        assert!(in_words(&[Feature::CredentialsProfileStsWebIdToken]).contains("IRSA"));
        assert!(in_words(&[Feature::CredentialsHttp]).contains("Pod Identity"));
        assert!(in_words(&[Feature::CredentialsImds]).contains("node"));
        assert!(in_words(&[Feature::CredentialsEnvVars]).contains("environment"));
        assert!(in_words(&[]).contains("does not say"));
    }
}
