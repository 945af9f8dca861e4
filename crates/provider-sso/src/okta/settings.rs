//! Settings of Okta: an organization, and one of two ways to authenticate.

use ::settings::{Reader, SettingsError, both};
use secrecy::SecretString;
use url::Url;

use crate::{OktaAuth, OktaConfig};

::settings::declare! {
    impl OktaConfig;

    URL: Url = "COPPICE_OKTA_URL" [required]
        "the organization, as https://org.okta.com (provider okta)" => org_url;
    API_TOKEN: Option<SecretString> = "COPPICE_OKTA_API_TOKEN" [default "", optional secret]
        "API token, if there is no service app (provider okta)";
    CLIENT_ID: Option<String> = "COPPICE_OKTA_CLIENT_ID" [default "", optional]
        "service app with scopes okta.users.read and okta.logs.read, without proof of possession (provider okta)";
    PRIVATE_KEY: Option<SecretString> = "COPPICE_OKTA_PRIVATE_KEY" [default "", optional secret]
        "its private key, as PEM (provider okta)";
    auth: OktaAuth = by read_auth;
}

fn read_auth(reader: &Reader) -> Result<OktaAuth, SettingsError> {
    let app = both(reader.read(CLIENT_ID), reader.read(PRIVATE_KEY));
    // Neither way is the default: neither way, half of one, or both are faults.
    match both(reader.read(API_TOKEN), app)? {
        (Some(token), (None, None)) => Ok(OktaAuth::ApiToken(token)),
        (Some(_), _) => Err(API_TOKEN.fault("is set together with a service app: unset it, or COPPICE_OKTA_CLIENT_ID and COPPICE_OKTA_PRIVATE_KEY")),
        (None, (Some(client_id), Some(key_pem))) => Ok(OktaAuth::PrivateKey { client_id, key_pem }),
        (None, (Some(_), None)) => Err(PRIVATE_KEY.is_not_set()),
        (None, (None, Some(_))) => Err(CLIENT_ID.is_not_set()),
        (None, (None, None)) => Err(API_TOKEN.fault(
            "is not set: set it, or both COPPICE_OKTA_CLIENT_ID and COPPICE_OKTA_PRIVATE_KEY",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SsoSettings;

    /// What is read, and the names of the settings that are wrong.
    fn outcome(variables: &[(&str, &str)]) -> (Option<SsoSettings>, Vec<&'static str>) {
        let common = [("COPPICE_SSO_PROVIDER", "okta")];
        let variables = common.iter().chain(variables);
        let owned = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match Reader::from_variables(owned).load() {
            Ok(settings) => (Some(settings), Vec::new()),
            Err(error) => (None, error.faults().iter().map(|fault| fault.name).collect()),
        }
    }

    type Given = &'static [(&'static str, &'static str)];
    type Names = &'static [&'static str];

    const ORG: (&str, &str) = ("COPPICE_OKTA_URL", "https://bayside.okta.example");
    const TOKEN: (&str, &str) = ("COPPICE_OKTA_API_TOKEN", "hunter2");
    const APP: (&str, &str) = ("COPPICE_OKTA_CLIENT_ID", "0oaBayside");
    const KEY: (&str, &str) = ("COPPICE_OKTA_PRIVATE_KEY", "hunter3");

    #[test]
    fn either_way_alone_is_enough() {
        for given in [&[ORG, TOKEN][..], &[ORG, APP, KEY]] {
            let (read, faults) = outcome(given);
            let text = format!("{:?}", read.unwrap());
            assert!(faults.is_empty() && !text.contains("hunter"), "{text}");
        }
    }

    #[test]
    fn none_half_and_both_are_faults_and_all_are_listed() {
        let cases: [(Given, Names); 5] = [
            (&[], &["COPPICE_OKTA_URL", "COPPICE_OKTA_API_TOKEN"]),
            (&[ORG, APP], &["COPPICE_OKTA_PRIVATE_KEY"]),
            (&[KEY], &["COPPICE_OKTA_URL", "COPPICE_OKTA_CLIENT_ID"]),
            (&[ORG, TOKEN, APP, KEY], &["COPPICE_OKTA_API_TOKEN"]),
            (
                &[ORG, TOKEN, KEY, ("COPPICE_SSO_TIMEOUT_SECS", "0")],
                &["COPPICE_SSO_TIMEOUT_SECS", "COPPICE_OKTA_API_TOKEN"],
            ),
        ];
        for (given, expected) in cases {
            let (read, faults) = outcome(given);
            assert!(read.is_none());
            assert_eq!(faults, expected, "{given:?}");
        }
    }
}
