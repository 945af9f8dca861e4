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
        "queues: {sso-sync: {url: ''}}",
        "workers.sso-sync: no queue. Set stackOutputs, or queues.sso-sync.url to the output SsoSyncQueueUrl.",
    ),
    (
        "minimal",
        "queues: {sso-sync: {dlqUrl: ''}}",
        "workers.sso-sync: no dead-letter queue. Set stackOutputs",
    ),
    (
        "production",
        "jobs: {sso-changes: {fills: sso-sync}}",
        "jobs.sso-changes: fills has to be sso-resync or crm-resync",
    ),
    (
        "minimal",
        "jobs: {sso-changes: {enabled: true}}",
        "jobs.sso-changes: no queue to fill. Set stackOutputs, or queues.sso-resync.url.",
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
        "production",
        "jobs: {sso-changes: {providers: [identity]}}",
        "jobs.sso-changes: resync-enqueuer does not ask the provider \"identity\"",
    ),
    (
        "production",
        "jobs: {sso-resync: {providers: [crm]}}",
        "jobs.sso-resync: sso-resync always asks its own providers",
    ),
    (
        "minimal",
        "workers: {crm-sync: {enabled: true}}",
        "workers.crm-sync: providers.crm is not configured, so it would crash.",
    ),
    (
        "production",
        "workers: {sso-sync: {settings: {COPPICE_DRAIN_LIMIT_SECS: 90}}}",
        "workers.sso-sync: the chart itself sets COPPICE_DRAIN_LIMIT_SECS; use drainLimitSeconds.",
    ),
    (
        "production",
        "providers: {crm: {settings: {DATABASE_URL_FILE: /x}}}",
        "workers.crm-sync: the chart itself sets DATABASE_URL_FILE; use database.secret.",
    ),
    (
        "production",
        "workers: {sso-sync: {settings: {COPPICE_HEALTH_ADDRESS: '0.0.0.0:9'}}}",
        "COPPICE_HEALTH_ADDRESS cannot be set: the ports are the chart's",
    ),
    (
        "production",
        "providers: {sso: {settings: {COPPICE_AUTH0_CLIENT_SECRET: x}}}",
        "COPPICE_AUTH0_CLIENT_SECRET is in settings and in a secret's keys; leave one out.",
    ),
    (
        "minimal",
        "workers: {sso-sync: {secret: {name: x}}}",
        "workers.sso-sync: secret needs both a name and keys",
    ),
    (
        "minimal",
        "providers: {content: {secret: {keys: [A]}}}",
        "providers.content: secret needs both a name and keys",
    ),
    (
        "production",
        "workers: {webhook-ingress: {secret: {name: '', keys: []}}}",
        "workers.webhook-ingress: no provider is enabled, so it would not start.",
    ),
    (
        "minimal",
        "aws: {identity: secret}",
        "aws.credentialsSecret: identity secret needs the name of a Secret",
    ),
    ("minimal", "aws: {identity: irsa}", "serviceAccounts.roleArns.sso-sync: identity irsa needs a role."),
    (
        "minimal",
        "queues: {sso-sink: {url: x}}",
        "\"sso-sink\" in queues or serviceAccounts.roleArns is no unit. Units are: app-login,",
    ),
    (
        "production",
        "queues: {app-login: {url: 'https://sqs.eu-central-1.amazonaws.com/123456789012/coppice-sso-sync'}}",
        "workers.app-login and workers.sso-sync have the same queue",
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
        "jobs.audit: parallelism is for sso-resync and crm-resync",
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
        "providers: {crm: {settings: {COPPICE_SALESFORCE_CLIENT_ID: 12345678901234567890}}}",
        "workers.crm-sync: COPPICE_SALESFORCE_CLIENT_ID is a text, and its value is a number",
    ),
    (
        "production",
        "providers: {sso: {settings: {COPPICE_AUTH0_CLIENT_ID: 00123456789}}}",
        "jobs.sso-resync: COPPICE_AUTH0_CLIENT_ID is a text, and its value is a number",
    ),
    (
        "production",
        "providers: {content: {settings: {COPPICE_CONTENTFUL_SPACE: 1e5}}}",
        "jobs.content-etl: COPPICE_CONTENTFUL_SPACE is a text, and its value is a number",
    ),
    (
        "production",
        "providers: {content: {settings: {COPPICE_CONTENTFUL_SPACE: no}}}",
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
    ("providers: {erp: {}}", "erp"),
    ("providers: {sso: {settings: {lower_case: x}}}", "lower_case"),
    ("database: {port: 0}", "port"),
    ("stackOutputs: {BusName: coppice}", "stackOutputs"),
    // Numbers that would have to be texts.
    ("stackOutputs: [{OutputKey: BusName, OutputValue: 00123456789}]", "OutputValue"),
    ("image: {tag: 1.10}", "tag"),
    ("busName: 00123456789", "busName"),
    ("queues: {sso-sync: {url: 12345678901234567890}}", "url"),
    ("podDefaults: {nodeSelector: {account: 00123456789}}", "account"),
    ("workers: {sso-sync: {tolerations: [{key: account, value: 00123456789}]}}", "tolerations"),
    ("migrate: {extraEnv: [{name: ACCOUNT, value: 12345678901234567890}]}", "extraEnv"),
    ("testDefaults: {podLabels: {account: 00123456789}}", "account"),
    ("tests: {doctor: [doctor, 00123456789]}", "doctor"),
    ("workers: {sso-sync: {replicas: 12345678901234567890}}", "replicas"),
    // Names that no object can have.
    ("database: {secret: {name: Coppice_Database}}", "name"),
    ("database: {caConfigMap: {key: 'ca crt'}}", "key"),
    ("providers: {sso: {secret: {name: coppice_sso}}}", "name"),
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
    for release in ["no", "on", "a-release-of-29-characters-ab--cd"] {
        let objects = Objects::parse(&render_release(release, &folder(), "production", "").unwrap());
        assert_names_are_valid(&objects);
    }
}

#[test]
fn the_chart_reports_all_faults_at_once() {
    let said = render_text("", "").unwrap_err();
    for sentence in ["workers: none is enabled", "busName: no bus", "aws.region: no region", "no database"] {
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
