//! The chart refuses values that would install but not work, and says how to fix them. Each case puts one fault into a
//! valid example.

use crate::chart::{EXAMPLES, Objects, folder, render_release, render_text};
use crate::platforms::assert_names_are_valid;

/// An example, a fault, and a part of the error.
const REFUSED: &[(&str, &str, &str)] = &[
    ("minimal", "workers: {sso-sync: {enabled: false}}", "workers: none is enabled"),
    (
        "minimal",
        "workers: {sso-sink: {enabled: true}}",
        "workers.sso-sink: there is no such worker. Workers are: app-login,",
    ),
    ("minimal", "workers: {audit: {enabled: true}}", "workers.audit: there is no such worker"),
    (
        "minimal",
        "jobs: {nightly: {schedule: '0 1 * * *'}}",
        "jobs.nightly: there is no job \"nightly\"; set unit to one of: audit,",
    ),
    ("minimal", "jobs: {doctor: {unit: migrate}}", "jobs.doctor: there is no job \"migrate\""),
    (
        "minimal",
        "workers: {sso-sync: {terminationGracePeriodSeconds: 25}}",
        "workers.sso-sync: terminationGracePeriodSeconds (25) has to be longer than drainLimitSeconds",
    ),
    (
        "production",
        "workers: {webhook-ingress: {drainLimitSeconds: 40}}",
        "workers.webhook-ingress: terminationGracePeriodSeconds (45) has to be longer than drainLimitSeconds and preStopSeconds together (45)",
    ),
    (
        "production",
        "jobs: {sso-resync: {drainLimitSeconds: 60}}",
        "jobs.sso-resync: terminationGracePeriodSeconds (45)",
    ),
    ("minimal", "busName: ''", "busName: no bus. Set stackOutputs"),
    (
        "minimal",
        "queues: {sso-sync-scim: {url: ''}}",
        "workers.sso-sync: no queue. Set stackOutputs, or queues.sso-sync-scim.url to the output SsoSyncScimQueueUrl.",
    ),
    (
        "minimal",
        "queues: {sso-sync-scim: {dlqUrl: ''}}",
        "workers.sso-sync: no dead-letter queue. Set stackOutputs",
    ),
    (
        "production",
        "jobs: {sso-changes: {fills: sso-sync}}",
        "jobs.sso-changes: fills has to be the unit whose queue the job fills: crm-resync, registry-resync, sso-resync;",
    ),
    (
        "minimal",
        "jobs: {sso-changes: {enabled: true}}",
        "jobs.sso-changes: no queue to fill. Set stackOutputs, or queues.sso-resync-scim.url.",
    ),
    (
        "minimal",
        "jobs: {doctor: {fills: sso-resync}}",
        "jobs.doctor: fills is for resync-enqueuer; coppice fills no queue.",
    ),
    (
        "minimal",
        "aws: {region: ''}",
        "aws.region: no region. Set it to that of the CloudFormation stack. Needed by workers.sso-sync,",
    ),
    (
        "minimal",
        "database: {secret: {name: ''}}",
        "database.secret.name: no database. Set it to a Secret whose key DATABASE_URL holds the URL",
    ),
    (
        "minimal",
        "jobs: {content-etl: {enabled: true}}",
        "jobs.content-etl: content is not configured, so it would crash.",
    ),
    ("", "", "config.sources: no source, so no event would be handled."),
    (
        "minimal",
        "secrets: {existingSecret: ''}",
        "config.sources.scim: no Secret has its secret \"scim-token\". Set secrets.scim.existingSecret",
    ),
    (
        "minimal",
        "secrets: {okta: {existingSecret: coppice-okta}}",
        "secrets.okta: config has no source of this name. Sources are: scim.",
    ),
    (
        "production",
        "config: {sources: {salesforce: {client_secret: {secret: okta-api-token}}}}",
        "config.sources.salesforce: the secret \"okta-api-token\" of another source is in another Secret",
    ),
    (
        "minimal",
        "branches: {sso-sync-okta: {replicas: 1}}",
        "branches.sso-sync-okta: no branch has this name. Branches are: sso-changes-scim,",
    ),
    ("minimal", "branches: {sso-sync: {replicas: 1}}", "branches.sso-sync: no branch has this name."),
    (
        "minimal",
        "config: {push: {salesforce: {fields: [email]}}}",
        "config.push.salesforce: config has no source of this name.",
    ),
    (
        "production",
        "jobs: {sso-changes-okta: {unit: audit, suspend: true}}",
        "both lead to the CronJob coppice-sso-changes-okta.",
    ),
    (
        "production",
        "branches: {sso-sync-okta: {terminationGracePeriodSeconds: 5}}",
        "branches.sso-sync-okta: terminationGracePeriodSeconds (5) has to be longer",
    ),
    (
        "production",
        "{fullnameOverride: a-name-of-thirty-characters-ab, config: {sources: {verification-of-all: {role: identity, connector: persona, url: 'https://x', api_key: {secret: key}}}}}",
        "workers.identity-verification: the name of its objects would be a-name-of-thirty-characters-ab-identity-verification-verification-of-all, and Kubernetes allows 63 characters. Use a shorter name for the source verification-of-all,",
    ),
    (
        "production",
        "workers: {sso-sync: {settings: {COPPICE_SECRET_OKTA_API_TOKEN: x}}}",
        "workers.sso-sync: COPPICE_SECRET_OKTA_API_TOKEN cannot be set: everyone who may read pods would see it.",
    ),
    (
        "production",
        "workers: {sso-sync: {settings: {COPPICE_CONFIG_FILE: /x}}}",
        "workers.sso-sync: the chart itself sets COPPICE_CONFIG_FILE; use config.",
    ),
    (
        "production",
        "workers: {sso-sync: {settings: {COPPICE_DRAIN_LIMIT_SECS: 90}}}",
        "workers.sso-sync: the chart itself sets COPPICE_DRAIN_LIMIT_SECS; use drainLimitSeconds.",
    ),
    (
        "production",
        "content: {settings: {DATABASE_URL_FILE: /x}}",
        "jobs.content-etl: the chart itself sets DATABASE_URL_FILE; use database.secret.",
    ),
    (
        "production",
        "workers: {sso-sync: {settings: {COPPICE_HEALTH_ADDRESS: '0.0.0.0:9'}}}",
        "COPPICE_HEALTH_ADDRESS cannot be set: the ports are the chart's",
    ),
    (
        "production",
        "content: {settings: {COPPICE_CONTENTFUL_ACCESS_TOKEN: x}}",
        "COPPICE_CONTENTFUL_ACCESS_TOKEN is in settings and in a secret's keys; leave one out.",
    ),
    (
        "minimal",
        "workers: {sso-sync: {secret: {name: x}}}",
        "workers.sso-sync: secret needs both a name and keys",
    ),
    ("minimal", "content: {secret: {keys: [A]}}", "content: secret needs both a name and keys"),
    (
        "production",
        "config: {sources: {auth0: {webhook_secrets: []}, stripe: {webhook_secrets: []}}}",
        "workers.webhook-ingress: no source sends webhooks, so it would not start.",
    ),
    (
        "minimal",
        "aws: {identity: secret}",
        "aws.credentialsSecret: identity secret needs the name of a Secret",
    ),
    (
        "minimal",
        "aws: {identity: irsa}",
        "serviceAccounts.roleArns.sso-sync-scim: identity irsa needs a role.",
    ),
    (
        "minimal",
        "queues: {sso-sink: {url: x}}",
        "\"sso-sink\" in queues or serviceAccounts.roleArns is no branch, and no unit without branches. Branches are: sso-changes-scim,",
    ),
    (
        "production",
        "queues: {app-login-okta: {url: 'https://sqs.eu-central-1.amazonaws.com/123456789012/coppice-sso-sync-auth0'}}",
        "queues: app-login-okta and sso-sync-auth0 have the same queue",
    ),
    (
        "minimal",
        "workers: {sso-sync: {keda: {enabled: true}, autoscaling: {enabled: true}}}",
        "workers.sso-sync: keda and autoscaling are both enabled",
    ),
    (
        "production",
        "workers: {webhook-ingress: {keda: {enabled: true}, autoscaling: {enabled: false}}}",
        "workers.webhook-ingress: keda scales by a queue's depth, and webhook-ingress has no queue.",
    ),
    (
        "production",
        "workers: {sso-sync: {keda: {minReplicas: 11}}}",
        "workers.sso-sync: keda.minReplicas is more than keda.maxReplicas.",
    ),
    (
        "emulator",
        "workers: {sso-sync: {keda: {enabled: true, operatorRoleArn: auto}}}",
        "workers.sso-sync: keda.operatorRoleArn is auto, and stackOutputs has no KedaRoleArn.",
    ),
    (
        "production",
        "workers: {webhook-ingress: {autoscaling: {minReplicas: 7}}}",
        "workers.webhook-ingress: autoscaling.minReplicas is more than autoscaling.maxReplicas.",
    ),
    (
        "minimal",
        "workers: {sso-sync: {podDisruptionBudget: {minAvailable: 1}}}",
        "podDisruptionBudget takes minAvailable or maxUnavailable, not both",
    ),
    (
        "minimal",
        "workers: {sso-sync: {podDisruptionBudget: {maxUnavailable: ''}}}",
        "podDisruptionBudget is enabled and says neither minAvailable nor maxUnavailable.",
    ),
    (
        "minimal",
        "workers: {sso-sync: {podDisruptionBudget: {maxUnavailable: 0}}}",
        "podDisruptionBudget would never let a pod go (replicas: 2)",
    ),
    (
        "minimal",
        "workers: {sso-sync: {podDisruptionBudget: {minAvailable: 2, maxUnavailable: ''}}}",
        "podDisruptionBudget would never let a pod go (replicas: 2)",
    ),
    (
        "production",
        "workers: {sso-sync: {podDisruptionBudget: {minAvailable: 1, maxUnavailable: ''}}}",
        "podDisruptionBudget would never let a pod go (replicas: 1)",
    ),
    (
        "production",
        "workers: {webhook-ingress: {podDisruptionBudget: {minAvailable: '100%', maxUnavailable: ''}}}",
        "podDisruptionBudget would never let a pod go (replicas: 2)",
    ),
    ("production", "jobs: {audit: {schedule: ''}}", "jobs.audit: no schedule, and not suspended."),
    (
        "production",
        "jobs: {audit: {parallelism: 2}}",
        "jobs.audit: parallelism is for the units whose pods share a queue: crm-resync, registry-resync, sso-resync;",
    ),
    ("production", "webhooks: {ingress: {host: ''}}", "webhooks.ingress: no host"),
    (
        "minimal",
        "fullnameOverride: a-name-of-thirty-characters-ab\njobs: {doctor-of-all-queues: {unit: coppice, suspend: true}, audits-of-every-quarter: {unit: audit, suspend: true}}",
        "jobs.audits-of-every-quarter: the name of its CronJob would be a-name-of-thirty-characters-ab-audits-of-every-quarter, and Kubernetes allows 52 characters.",
    ),
    (
        "minimal",
        "jobs: {nightly_audit: {unit: audit, suspend: true}}",
        "jobs.nightly_audit: an object cannot have this name.",
    ),
    (
        "minimal",
        "jobs: {Doctor: {unit: coppice, suspend: true}}",
        "jobs.Doctor: an object cannot have this name.",
    ),
    (
        "minimal",
        "jobs: {doctor-: {unit: coppice, suspend: true}}",
        "jobs.doctor-: an object cannot have this name.",
    ),
    (
        "minimal",
        "jobs: {doctor.daily: {unit: coppice, suspend: true}}",
        "jobs.doctor.daily: an object cannot have",
    ),
    (
        "minimal",
        "tests: {'dlq list': [dlq, list]}",
        "tests.dlq list: the name of its pod would be coppice-test-dlq list.",
    ),
    (
        "minimal",
        "tests: {a-test-of-the-queues-and-of-nothing-else-in-this-world: [doctor]}",
        "and 63 characters in all.",
    ),
    // YAML reads each of these as a number or as true or false, and the chart cannot know the text any more.
    (
        "production",
        "workers: {webhook-ingress: {settings: {COPPICE_PUBLIC_URL: 00123456789}}}",
        "workers.webhook-ingress: COPPICE_PUBLIC_URL is a text, and its value is a number",
    ),
    (
        "production",
        "content: {settings: {COPPICE_CONTENTFUL_SPACE: 1e5}}",
        "jobs.content-etl: COPPICE_CONTENTFUL_SPACE is a text, and its value is a number",
    ),
    (
        "production",
        "content: {settings: {COPPICE_CONTENTFUL_SPACE: no}}",
        "jobs.content-etl: COPPICE_CONTENTFUL_SPACE is a text, and its value is false",
    ),
    (
        "minimal",
        "workers: {sso-sync: {settings: {COPPICE_MAX_IN_FLIGHT: 12345678901234567890}}}",
        "workers.sso-sync: COPPICE_MAX_IN_FLIGHT is a text, and its value is a number",
    ),
    (
        "minimal",
        "jobs: {doctor: {args: [person, show, 00123456789]}}",
        "jobs.doctor: an argument is 123456789, which is no text",
    ),
    (
        "minimal",
        "database: {caSecret: {name: a}, caConfigMap: {name: b}}",
        "database: caSecret and caConfigMap both have a name.",
    ),
    (
        "minimal",
        "workers: {sso-sync: {extraEnv: [{name: COPPICE_BUS_NAME, value: other}]}}",
        "workers.sso-sync: extraEnv has the name COPPICE_BUS_NAME, which the pod has already.",
    ),
    (
        "minimal",
        "workers: {sso-sync: {extraEnv: [{name: COPPICE_CONFIG, value: other}]}}",
        "workers.sso-sync: extraEnv has COPPICE_CONFIG, which the pod gets as a file already",
    ),
    (
        "minimal",
        "podDefaults: {extraEnv: [{name: COPPICE_SECRET_SCIM_TOKEN, value: x}]}",
        "workers.sso-sync: extraEnv has COPPICE_SECRET_SCIM_TOKEN, which the pod gets as a file already: one of the two would be ignored. Use secrets.",
    ),
    (
        "minimal",
        "migrate: {extraVolumes: [{name: secret-database, emptyDir: {}}]}",
        "migrate: extraVolumes has the name secret-database, which the pod has already.",
    ),
    (
        "minimal",
        "testDefaults: {extraEnv: [{name: A, value: b}, {name: A, value: c}]}",
        "testDefaults: extraEnv has the name A, which the pod has already.",
    ),
    (
        "minimal",
        "workers: {sso-sync: {settings: {PGSSLROOTCERT: /ca.crt}}}",
        "workers.sso-sync: the chart itself sets PGSSLROOTCERT; use database.caSecret or database.caConfigMap.",
    ),
    (
        "minimal",
        "podDefaults:",
        "podDefaults: no value. `helm upgrade --reuse-values` takes the older chart's values",
    ),
    ("minimal", "database: {caSecret: null}", "database.caSecret: no value."),
    (
        "minimal",
        "webhooks: {ingress: {enabled: true, host: a}}",
        "webhooks.ingress: enabled, and workers.webhook-ingress is not",
    ),
];

/// Values that the schema refuses, and the name in its error.
const NOT_OF_THE_SCHEMA: &[(&str, &str)] = &[
    ("replicas: 2", "replicas"),
    ("workers: {sso-sync: {replica: 2}}", "replica"),
    ("workers: {sso-sync: {replicas: two}}", "replicas"),
    ("workers: {sso-sync: {keda: {minReplicas: 0}}}", "minReplicas"),
    ("workers: {sso-sync: {drainLimitSeconds: 4}}", "drainLimitSeconds"),
    ("jobs: {audit: {concurrencyPolicy: Never}}", "concurrencyPolicy"),
    ("image: {digest: 'sha256:short'}", "digest"),
    ("aws: {identity: role}", "identity"),
    ("providers: {erp: {}}", "providers"),
    ("policy: ''", "policy"),
    ("content: {settings: {lower_case: x}}", "lower_case"),
    // The file of sources has its own schema.
    ("config: {source: {}}", "source"),
    ("config: {sources: {scim: {connector: skim}}}", "connector"),
    ("config: {sources: {scim: {role: null}}}", "role"),
    ("config: {sources: {scim: {role: crm}}}", "role"),
    ("config: {sources: {scim: {tokn: x}}}", "tokn"),
    ("config: {sources: {scim: {token: in-clear-text}}}", "token"),
    ("config: {sources: {scim: {url: 00123456789}}}", "url"),
    ("config: {sources: {scim: {timeout_secs: 90}}}", "timeout_secs"),
    ("config: {sources: {Scim: {role: sso}}}", "Scim"),
    ("config: {fields: {phone: {from: sso}}}", "from"),
    ("secrets: {scim: coppice-scim}", "scim"),
    ("branches: {sso-sync-scim: {replica: 2}}", "sso-sync-scim"),
    ("database: {port: 0}", "port"),
    ("stackOutputs: {BusName: coppice}", "stackOutputs"),
    // Numbers that would have to be texts.
    ("stackOutputs: [{OutputKey: BusName, OutputValue: 00123456789}]", "OutputValue"),
    ("image: {tag: 1.10}", "tag"),
    ("busName: 00123456789", "busName"),
    ("queues: {sso-sync-scim: {url: 12345678901234567890}}", "url"),
    ("podDefaults: {nodeSelector: {account: 00123456789}}", "account"),
    ("workers: {sso-sync: {tolerations: [{key: account, value: 00123456789}]}}", "tolerations"),
    ("migrate: {extraEnv: [{name: ACCOUNT, value: 12345678901234567890}]}", "extraEnv"),
    ("testDefaults: {podLabels: {account: 00123456789}}", "account"),
    ("tests: {doctor: [doctor, 00123456789]}", "doctor"),
    ("workers: {sso-sync: {replicas: 12345678901234567890}}", "replicas"),
    // Names that no object can have.
    ("database: {secret: {name: Coppice_Database}}", "name"),
    ("database: {caConfigMap: {key: 'ca crt'}}", "key"),
    ("content: {secret: {name: coppice_content}}", "name"),
    ("secrets: {existingSecret: coppice_sources}", "existingSecret"),
    ("fullnameOverride: 1st", "fullnameOverride"),
];

#[test]
fn every_example_is_valid() {
    for example in EXAMPLES {
        render_text(example, "").unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

/// One test checks both, because each rendering takes time. An error without a case would be untested.
#[test]
fn the_chart_refuses_every_fault_with_a_fix_and_every_error_of_the_validations_has_a_case() {
    let mut all_said = render_release("1st", &folder(), "minimal", "").unwrap_err();
    for (example, fault, sentence) in REFUSED {
        let said = render_text(example, fault).err().unwrap_or_else(|| panic!("{fault} is accepted"));
        assert!(said.contains("These values would not work") && said.contains(sentence), "{fault}\n{said}");
        all_said.push_str(&said);
    }
    let source = std::fs::read_to_string(folder().join("templates/checks/validations.yaml")).unwrap();
    let mut sentences = 0;
    for line in source.lines().filter(|line| line.contains("append $faults")) {
        let text = line.split('"').nth(1).unwrap();
        // The longest piece between two placeholders.
        let pieces = text.split("%s").flat_map(|piece| piece.split("%d")).flat_map(|piece| piece.split("%q"));
        let piece = pieces.max_by_key(|piece| piece.len()).unwrap().trim_end_matches('\\');
        assert!(all_said.contains(piece), "no case for: {text}");
        sentences += 1;
    }
    assert!(sentences >= 30, "{sentences}");
}

#[test]
fn the_chart_refuses_a_release_whose_objects_would_have_invalid_names() {
    for (release, values) in [("1st", ""), ("people.coppice", ""), ("people.and.others", "")] {
        let said = render_release(release, &folder(), "minimal", values).unwrap_err();
        let sentence = format!("Release \"{release}\": the names of its objects would begin with");
        assert!(said.contains(&sentence), "{said}");
        let named = render_release(release, &folder(), "minimal", "fullnameOverride: people");
        assert!(named.is_ok(), "{release}: {named:?}");
    }
    // Texts that YAML reads as something else, and a name that is cut at a hyphen.
    for (release, example) in
        [("no", "production"), ("on", "production"), ("a-release-of-29-characters-ab--cd", "minimal")]
    {
        let objects = Objects::parse(&render_release(release, &folder(), example, "").unwrap());
        assert_names_are_valid(&objects);
    }
}

#[test]
fn the_chart_reports_all_faults_at_once() {
    let said = render_text("", "").unwrap_err();
    for sentence in ["config.sources: no source", "busName: no bus", "aws.region: no region", "no database"] {
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn the_schema_refuses_unknown_names_and_wrong_types() {
    for (values, name) in NOT_OF_THE_SCHEMA {
        let said = render_text("minimal", values).err().unwrap_or_else(|| panic!("{values} is accepted"));
        assert!(said.contains("schema") && said.contains(name), "{values}\n{said}");
    }
}
