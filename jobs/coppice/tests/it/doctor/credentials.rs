//! The origin of credentials, and missing permissions.

use super::Clinic;
use crate::aws_answers::AwsAnswers;

#[tokio::test]
async fn the_report_names_the_origin_of_the_credentials_or_their_absence() {
    let clinic = Clinic::open().await;
    let no_key =
        [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_EC2_METADATA_DISABLED", "true")];
    let none = ("credentials AWS: there are none", "eks.amazonaws.com/role-arn");
    let refused = (
        "credentials AWS: events:DescribeEventBus failed: there are no credentials to sign the request",
        "role or key exists",
    );
    clinic.finds("sso-sync", &no_key, &[none, refused]).await;

    let answers = AwsAnswers::start(clinic.world.emulator_endpoint()).await;
    let credentials =
        r#"{"AccessKeyId":"test","SecretAccessKey":"test","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    answers.put("/pod-identity", 200, credentials);
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "token").unwrap();
    let address = format!("{}/pod-identity", answers.endpoint());
    let pod = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path().to_str().unwrap()),
    ];
    let said = clinic.examine("sso-sync", &[&no_key[..], &pod].concat()).await;
    said.says(
        0,
        &["ok       credentials from: container endpoint (a service account's own role by EKS Pod Identity"],
    );

    let account = [
        ("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/coppice"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL", clinic.world.emulator_endpoint()),
    ];
    let said = clinic.examine("sso-sync", &[&no_key[..], &account].concat()).await;
    said.says(0, &["ok       credentials from: web identity (a service account's own role, IRSA)"]);
}

/// The emulator has no permissions, no states of partner sources and only the real time. So a proxy answers in its place.
#[tokio::test]
async fn a_check_without_permission_is_skipped_and_no_fault() {
    let clinic = Clinic::open().await;
    let answers = AwsAnswers::start(clinic.world.emulator_endpoint()).await;
    let through = [("AWS_ENDPOINT_URL", answers.endpoint())];
    clinic.finds("sso-sync", &through, &[]).await;
    let denied = r#"{"__type":"AccessDeniedException","message":"arn:aws:iam::1:role/x may not"}"#;
    for (operation, said_of_it) in [
        ("DescribeEventBus", "skipped  bus coppice: no permission events:DescribeEventBus: not checked"),
        ("ListRules", "skipped  rule coppice-sso-sync-auth0-*: no permission events:ListRules"),
        (
            "ListTargetsByRule",
            "skipped  target coppice-sso-sync-auth0-ingress: no permission events:ListTargetsByRule",
        ),
        ("DescribeEventSource", ": no permission events:DescribeEventSource"),
        ("GetQueueAttributes", "skipped  queue coppice-sso-sync-auth0: no permission sqs:GetQueueAttributes"),
        ("GetQueueUrl", "skipped  queue coppice-undelivered: no permission sqs:GetQueueUrl"),
    ] {
        answers.put(operation, 400, denied);
        let said = clinic.examine("sso-sync", &through).await;
        said.says(0, &[said_of_it]);
        assert!(!said.out.contains("iam::1"), "{operation}: the report contains AWS's text");
        answers.clear();
    }
    answers.put("DescribeEventBus", 400, r#"{"__type":"UnrecognizedClientException","message":"x"}"#);
    let refused = (
        "credentials AWS: events:DescribeEventBus failed: UnrecognizedClientException",
        "role or key exists",
    );
    clinic.finds("sso-sync", &through, &[refused]).await;
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_a_fault() {
    let clinic = Clinic::open().await;
    let unreachable = [("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1"), ("AWS_MAX_ATTEMPTS", "1")];
    let said = clinic.examine("sso-sync", &unreachable).await;
    said.says(
        1,
        &[
            "FAULT    queue coppice-sso-sync-auth0: sqs:GetQueueAttributes failed: no connection",
            "VPC endpoint",
        ],
    );
}
