//! `coppice doctor`, with a unit's environment in a world of its own: each thing that is broken is found, and its fix is
//! named.

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::json;
use testkit::simulators::auth0::Fault;
use testkit::{Said, Setup, World};

use crate::aws_answers::AwsAnswers;

/// As the template has it; the testkit's own is shorter than a step of a handler may take.
const VISIBILITY_SECS: u32 = 60;

struct Clinic {
    world: World,
    events: aws_sdk_eventbridge::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Clinic {
    async fn open() -> Self {
        let world = World::start_with(Setup { visibility_secs: VISIBILITY_SECS, ..Setup::default() }).await;
        let config = local_stack::aws_config(world.emulator_endpoint());
        let (events, sqs) = (aws_sdk_eventbridge::Client::new(&config), aws_sdk_sqs::Client::new(&config));
        Self { world, events, sqs }
    }

    /// Examines a unit in its own environment.
    async fn examine(&self, unit: &str, settings: &[(&str, &str)]) -> Said {
        let arguments = ["doctor", "--unit", unit];
        self.world.run_job(env!("CARGO_BIN_EXE_coppice"), unit, &arguments, settings).await
    }

    /// The same, and exactly these faults are found, each with its fix.
    async fn finds(&self, unit: &str, settings: &[(&str, &str)], faults: &[(&str, &str)]) {
        let said = self.examine(unit, settings).await;
        let lines: Vec<&str> = said.out.lines().collect();
        let found: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].starts_with("FAULT")).collect();
        assert_eq!(found.len(), faults.len(), "{said:?}");
        for (line, (problem, fix)) in found.into_iter().zip(faults) {
            assert!(lines[line].contains(problem), "{problem:?}\nin {}", said.out);
            assert!(lines[line + 1].contains(fix), "{fix:?}\nin {}", said.out);
        }
        assert_eq!(said.code, Some(i32::from(!faults.is_empty())), "{said:?}");
    }

    fn bus(&self) -> &str {
        &self.world.topology.bus
    }

    async fn set(&self, url: &str, name: Name, value: &str) {
        let call = self.sqs.set_queue_attributes().queue_url(url).attributes(name, value);
        call.send().await.unwrap();
    }

    fn queue(&self) -> &str {
        self.world.topology.queue_url("sso-sync").unwrap()
    }

    async fn target_of(&self, rule: &str) -> Target {
        let call = self.events.list_targets_by_rule().event_bus_name(self.bus()).rule(rule);
        call.send().await.unwrap().targets.unwrap().remove(0)
    }

    async fn put_target(&self, rule: &str, target: Target) {
        let call = self.events.put_targets().event_bus_name(self.bus()).rule(rule).targets(target);
        assert_eq!(call.send().await.unwrap().failed_entry_count(), 0);
    }
}

const INGRESS_RULE: &str = "coppice-sso-sync-ingress";

#[tokio::test]
async fn every_unit_of_a_whole_stack_is_well() {
    let clinic = Clinic::open().await;
    for unit in ["sso-sync", "crm-sync", "identity-verification", "app-login", "crm-account"] {
        let said = clinic.examine(unit, &[]).await;
        said.says(
            0,
            &[
                "ok       credentials provider: environment variables",
                "ok       bus coppice: it exists, and AWS takes the credentials",
                &format!("ok       queue policy coppice-{unit}: it admits"),
                &format!("ok       redrive policy coppice-{unit}: to coppice-{unit}-dlq after 50 receives"),
                &format!("ok       visibility timeout coppice-{unit}: 60 s"),
                &format!("ok       encryption coppice-{unit}: SSE-SQS"),
                "ok       queue policy coppice-undelivered: it admits",
                "ok       schema database",
                "ok       clock AWS",
                "ok       clock database",
                "takes our credentials",
                ", 0 fault(s), ",
            ],
        );
    }
    let secrets = [("COPPICE_STRIPE_WEBHOOK_SECRETS", "0123456789abcdef")];
    clinic
        .examine("webhook-ingress", &secrets)
        .await
        .says(0, &["ok       provider webhooks", "ok       bus coppice"]);
    let sso = clinic.examine("sso-sync", &[]).await;
    sso.says(
        0,
        &[
            "forwards it to coppice",
            "ok       sample events coppice-sso-sync: ",
            "ok       rule coppice-sso-sync-auth0-log: ENABLED",
        ],
    );
}

#[tokio::test]
async fn without_a_unit_all_queues_are_looked_at() {
    let clinic = Clinic::open().await;
    let coppice = env!("CARGO_BIN_EXE_coppice");
    let said = clinic.world.run_job(coppice, "none", &["doctor", "--json"], &[]).await;
    said.says(0, &[]);
    let report = said.json();
    assert_eq!((&report["healthy"], &report["unit"]), (&json!(true), &json!(null)));
    let checked = |check: &str, about: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks
            .iter()
            .find(|one| one["check"] == check && one["about"] == about)
            .map(|one| one["verdict"].clone())
    };
    for unit in ["sso-sync", "crm-sync", "identity-verification", "app-login", "crm-account", "undelivered"] {
        assert_eq!(
            checked("sample events", &format!("coppice-{unit}")),
            Some(json!("ok")),
            "{unit}\nin {report}"
        );
    }
    for unit in ["sso-resync", "crm-resync"] {
        assert_eq!(checked("redrive policy", &format!("coppice-{unit}")), Some(json!("ok")), "{unit}");
    }
    assert_eq!(checked("provider", "credentials"), Some(json!("skipped")));

    clinic
        .events
        .disable_rule()
        .event_bus_name("coppice")
        .name("coppice-app-login-okta-session")
        .send()
        .await
        .unwrap();
    let said = clinic.world.run_job(coppice, "none", &["doctor"], &[]).await;
    said.says(1, &["FAULT    rule coppice-app-login-okta-session: it is DISABLED"]);
}

#[tokio::test]
async fn rules_that_take_nothing_or_too_much_are_found() {
    let clinic = Clinic::open().await;
    let rule = |name| clinic.events.put_rule().event_bus_name("coppice").name(name);
    let original =
        clinic.events.describe_rule().event_bus_name("coppice").name(INGRESS_RULE).send().await.unwrap();
    let pattern = original.event_pattern.unwrap();

    clinic.events.disable_rule().event_bus_name("coppice").name(INGRESS_RULE).send().await.unwrap();
    let disabled =
        ("rule coppice-sso-sync-ingress: it is DISABLED", "aws events enable-rule --event-bus-name coppice");
    clinic.finds("sso-sync", &[], &[disabled]).await;
    clinic.finds("crm-sync", &[], &[]).await;

    // Changing a rule does not enable it.
    clinic.events.enable_rule().event_bus_name("coppice").name(INGRESS_RULE).send().await.unwrap();
    let narrow = r#"{"source":["coppice.ingress.scim","coppice.ingress.okta"]}"#;
    rule(INGRESS_RULE).event_pattern(narrow).send().await.unwrap();
    let lost = ("sample events coppice-sso-sync: no rule takes ingress.auth0", "deploy the template");
    clinic.finds("sso-sync", &[], &[lost]).await;

    let wide = r#"{"source":["coppice.ingress.scim","coppice.ingress.auth0","coppice.ingress.okta","coppice.ingress.persona"]}"#;
    rule(INGRESS_RULE).event_pattern(wide).send().await.unwrap();
    let stray = (
        "ingress.persona is not for this queue, and is taken by coppice-sso-sync-ingress",
        "edited or deleted",
    );
    clinic.finds("sso-sync", &[], &[stray]).await;

    rule(INGRESS_RULE).event_pattern(&pattern).send().await.unwrap();
    rule("coppice-sso-sync-twin")
        .event_pattern(r#"{"source":["coppice.ingress.scim"]}"#)
        .send()
        .await
        .unwrap();
    clinic.put_target("coppice-sso-sync-twin", clinic.target_of(INGRESS_RULE).await).await;
    let twice =
        ("ingress.scim is taken 2 times: by coppice-sso-sync-ingress and coppice-sso-sync-twin", "deploy");
    clinic.finds("sso-sync", &[], &[twice]).await;
}

#[tokio::test]
async fn targets_that_lead_elsewhere_or_lose_what_fails_are_found() {
    let clinic = Clinic::open().await;
    let mut target = clinic.target_of(INGRESS_RULE).await;
    let whole = target.clone();

    target.dead_letter_config = None;
    clinic.put_target(INGRESS_RULE, target.clone()).await;
    let no_way_out = ("target coppice-sso-sync-ingress: it has no dead-letter queue", "deploy");
    clinic.finds("sso-sync", &[], &[no_way_out]).await;

    target.clone_from(&whole);
    let hasty = aws_sdk_eventbridge::types::RetryPolicy::builder();
    target.retry_policy = Some(hasty.maximum_event_age_in_seconds(60).maximum_retry_attempts(185).build());
    clinic.put_target(INGRESS_RULE, target.clone()).await;
    let gives_up = ("its retry policy gives up within the hour", "185 attempts");
    clinic.finds("sso-sync", &[], &[gives_up]).await;

    clinic
        .events
        .remove_targets()
        .event_bus_name("coppice")
        .rule(INGRESS_RULE)
        .ids(whole.id())
        .send()
        .await
        .unwrap();
    let none = ("none of its 0 target(s) is the queue coppice-sso-sync", "deploy");
    clinic.finds("sso-sync", &[], &[none]).await;
    clinic.put_target(INGRESS_RULE, whole).await;

    let undelivered = clinic.world.topology.undelivered_url().unwrap();
    clinic.sqs.delete_queue().queue_url(undelivered).send().await.unwrap();
    let gone = ("queue coppice-undelivered: it does not exist", "is lost without it");
    clinic.finds("sso-sync", &[], &[gone]).await;
}

#[tokio::test]
async fn queues_that_lose_messages_are_found() {
    let clinic = Clinic::open().await;
    let (queue, dlq) = (clinic.queue(), clinic.world.topology.dlq_url("sso-sync").unwrap());
    let call =
        clinic.sqs.get_queue_attributes().queue_url(queue).attribute_names(Name::All).send().await.unwrap();
    let whole = call.attributes.unwrap();
    for (name, value, problem, fix) in [
        (
            Name::Policy,
            "",
            "queue policy coppice-sso-sync: EventBridge may not send to it for",
            "sqs:SendMessage",
        ),
        (Name::RedrivePolicy, "", "redrive policy coppice-sso-sync: there is none", "deploy"),
        (
            Name::VisibilityTimeout,
            "20",
            "visibility timeout coppice-sso-sync: 20 s",
            "VisibilityTimeoutSeconds=60",
        ),
        (Name::MaximumMessageSize, "1024", "MaximumMessageSize is 1024 bytes", "1048576"),
        (
            Name::KmsMasterKeyId,
            "alias/aws/sqs",
            "the key is alias/aws/sqs, which EventBridge cannot use",
            "KmsKeyArn",
        ),
        (
            Name::MessageRetentionPeriod,
            "1209600",
            "retention coppice-sso-sync: 1209600 s",
            "DeadLetterRetentionSeconds",
        ),
    ] {
        clinic.set(queue, name.clone(), value).await;
        clinic.finds("sso-sync", &[], &[(problem, fix)]).await;
        clinic.set(queue, name.clone(), whole.get(&name).map_or("", String::as_str)).await;
    }
    let arn = &whole[&Name::QueueArn];
    let hasty = json!({"deadLetterTargetArn": format!("{arn}-dlq"), "maxReceiveCount": 3}).to_string();
    clinic.set(queue, Name::RedrivePolicy, &hasty).await;
    clinic.finds("sso-sync", &[], &[("maxReceiveCount is 3", "MaxReceiveCount=10 or more")]).await;
    clinic.set(queue, Name::RedrivePolicy, &whole[&Name::RedrivePolicy]).await;

    let crm = clinic.world.topology.dlq_url("crm-sync").unwrap();
    let other = ("it names coppice-sso-sync-dlq, and the unit coppice-crm-sync-dlq", "COPPICE_DLQ_URL");
    clinic.finds("sso-sync", &[("COPPICE_DLQ_URL", crm)], &[other]).await;
    clinic.sqs.delete_queue().queue_url(dlq).send().await.unwrap();
    let gone = ("queue coppice-sso-sync-dlq: it does not exist", "COPPICE_DLQ_URL");
    clinic.finds("sso-sync", &[], &[gone]).await;
}

#[tokio::test]
async fn settings_that_lead_elsewhere_are_found() {
    let clinic = Clinic::open().await;
    let nowhere = format!("{}-of-yesterday", clinic.queue());
    let gone = ("queue coppice-sso-sync-of-yesterday: it does not exist", "COPPICE_QUEUE_URL");
    let said = clinic.examine("sso-sync", &[("COPPICE_QUEUE_URL", &nowhere)]).await;
    said.says(1, &[gone.0, gone.1]);
    let neighbour = clinic.world.topology.queue_url("crm-sync").unwrap();
    let said = clinic.examine("sso-sync", &[("COPPICE_QUEUE_URL", neighbour)]).await;
    said.says(
        1,
        &[
            "none of its 1 target(s) is the queue coppice-crm-sync",
            "set COPPICE_QUEUE_URL to the queue of this unit",
        ],
    );
    let no_bus = ("bus of-tomorrow: it does not exist", "COPPICE_BUS_NAME to the output BusName");
    clinic.finds("sso-sync", &[("COPPICE_BUS_NAME", "of-tomorrow")], &[no_bus]).await;
    let nobody = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    clinic.finds("sso-sync", &nobody, &[("AWS does not answer: no connection", "NetworkPolicy")]).await;

    let wrong = [("COPPICE_AUTH0_CLIENT_SECRET", "wrong")];
    clinic.finds("sso-sync", &wrong, &[("provider refuses our credentials", "COPPICE_AUTH0_*")]).await;
    let wrong = [("COPPICE_SALESFORCE_CLIENT_SECRET", "wrong")];
    clinic
        .finds("crm-account", &wrong, &[("provider refuses our credentials", "COPPICE_SALESFORCE_*")])
        .await;
    let wrong = [("COPPICE_STRIPE_API_KEY", "wrong")];
    clinic
        .finds("identity-verification", &wrong, &[("provider refuses our credentials", "COPPICE_STRIPE_*")])
        .await;
    clinic.world.idp.set_fault(Fault::Down);
    clinic
        .finds("app-login", &[], &[("provider auth0: provider is unavailable", "if it is down, wait")])
        .await;
}

#[tokio::test]
async fn a_database_that_is_older_or_away_is_found() {
    let clinic = Clinic::open().await;
    let older = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    sqlx::query(older).execute(&clinic.world.pool).await.unwrap();
    clinic.finds("crm-sync", &[], &[("schema database: it is at version", "run the job migrate")]).await;
    let away = [("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:1/none")];
    let said = clinic.examine("crm-sync", &away).await;
    said.says(1, &["FAULT    database DATABASE_URL: database unavailable", "skipped  clock database"]);
    assert!(!said.out.contains("hunter2") && !said.err.contains("hunter2"), "{said:?}");
}

#[tokio::test]
async fn settings_are_those_of_the_unit_and_all_that_are_wrong_are_listed() {
    let clinic = Clinic::open().await;
    let missing = [("COPPICE_QUEUE_URL", ""), ("COPPICE_AUTH0_URL", ""), ("COPPICE_MAX_HELD", "1")];
    let said = clinic.examine("sso-sync", &missing).await;
    said.says(
        2,
        &["COPPICE_QUEUE_URL: is not set", "COPPICE_AUTH0_URL: is not set", "COPPICE_MAX_HELD: must be"],
    );
    assert_eq!(said.out, "");
    clinic.examine("webhook-ingress", &[]).await.says(2, &["COPPICE_STRIPE_WEBHOOK_SECRETS"]);
    clinic
        .examine("sso-sync", &[("DATABASE_URL", "mysql://x")])
        .await
        .says(2, &["DATABASE_URL: database URL is not"]);
    clinic.examine("no-such-unit", &[]).await.says(2, &["invalid value"]);
}

#[tokio::test]
async fn where_the_credentials_come_from_is_said_and_that_there_are_none() {
    let clinic = Clinic::open().await;
    let no_key =
        [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_EC2_METADATA_DISABLED", "true")];
    let none = ("credentials provider: no provider has any", "eks.amazonaws.com/role-arn");
    let refused = ("credentials AWS: they are refused: none to sign with", "role or key exists");
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
    said.says(0, &["ok       credentials provider: container endpoint: a service account's own role (EKS Pod Identity)"]);

    let account = [
        ("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/coppice"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL", clinic.world.emulator_endpoint()),
    ];
    let said = clinic.examine("sso-sync", &[&no_key[..], &account].concat()).await;
    said.says(0, &["ok       credentials provider: web identity: a service account's own role (IRSA)"]);
}

/// The emulator knows no permissions, no states of partner sources and no other time: here they are put into its mouth.
#[tokio::test]
async fn what_may_not_be_seen_is_said_to_be_that_and_no_fault() {
    let clinic = Clinic::open().await;
    let answers = AwsAnswers::start(clinic.world.emulator_endpoint()).await;
    let through = [("AWS_ENDPOINT_URL", answers.endpoint())];
    clinic.finds("sso-sync", &through, &[]).await;
    let denied = r#"{"__type":"AccessDeniedException","message":"arn:aws:iam::1:role/x may not"}"#;
    for (operation, said_of_it) in [
        ("DescribeEventBus", "skipped  bus coppice: no permission events:DescribeEventBus: not looked at"),
        ("ListRules", "skipped  rule coppice-sso-sync-*: no permission events:ListRules"),
        (
            "ListTargetsByRule",
            "skipped  target coppice-sso-sync-ingress: no permission events:ListTargetsByRule",
        ),
        (
            "TestEventPattern",
            "skipped  sample events coppice-sso-sync: no permission events:TestEventPattern",
        ),
        (
            "ListEventBuses",
            "skipped  partner source aws.partner/auth0.com/: no permission events:ListEventBuses",
        ),
        ("GetQueueAttributes", "skipped  queue coppice-sso-sync: no permission sqs:GetQueueAttributes"),
        ("GetQueueUrl", "skipped  queue coppice-undelivered: no permission sqs:GetQueueUrl"),
    ] {
        answers.put(operation, 400, denied);
        let said = clinic.examine("sso-sync", &through).await;
        said.says(0, &[said_of_it]);
        assert!(!said.out.contains("iam::1"), "{operation}: no text of AWS's");
        answers.clear();
    }
    answers.put("DescribeEventBus", 400, r#"{"__type":"UnrecognizedClientException","message":"x"}"#);
    let refused = ("credentials AWS: they are refused: UnrecognizedClientException", "role or key exists");
    clinic.finds("sso-sync", &through, &[refused]).await;
}

#[tokio::test]
async fn a_partner_source_that_delivers_nothing_and_a_clock_that_is_off_are_found() {
    let clinic = Clinic::open().await;
    let answers = AwsAnswers::start(clinic.world.emulator_endpoint()).await;
    let through = [("AWS_ENDPOINT_URL", answers.endpoint())];
    answers.put("DescribeEventSource", 200, r#"{"Name":"x","State":"PENDING"}"#);
    let said = clinic.examine("crm-sync", &through).await;
    said.says(1, &["it is PENDING: it takes events and delivers none", "PartnerSource parameter"]);
    answers.clear();

    let partner = testkit::simulators::salesforce::SALESFORCE_SOURCE;
    let forward = clinic.events.disable_rule().event_bus_name(partner).name("coppice-forward-salesforce");
    forward.send().await.unwrap();
    let unheard = ("it is ACTIVE, and no enabled rule forwards it to coppice", "deploy");
    clinic.finds("crm-sync", &[], &[unheard]).await;

    answers.set_date("Tue, 24 Nov 2020 12:00:00 GMT");
    let said = clinic.examine("crm-account", &through).await;
    said.says(1, &["FAULT    clock AWS: it is", "behind ours", "chrony"]);
}
