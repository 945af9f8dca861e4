//! Deployments of workers, and the objects that belong to them.

use serde_json::json;

use crate::chart::{EXAMPLES, pod_spec, render, render_text, variable};

#[test]
fn a_disabled_worker_has_no_objects() {
    let objects = render("production", "workers: {crm-sync: {enabled: false}}");
    for kind in ["Deployment", "PodDisruptionBudget", "ServiceAccount", "ScaledObject"] {
        if kind != "ScaledObject" {
            assert!(objects.find(kind, "webhook-ingress").is_some(), "{kind}");
        }
        assert!(objects.find(kind, "sso-sync-auth0").is_some(), "{kind}");
        assert!(objects.find(kind, "crm-sync-salesforce").is_none(), "{kind}");
    }
    let objects = render("minimal", "");
    assert!(objects.of_kind("Service").is_empty() && objects.of_kind("Ingress").is_empty());
}

#[test]
fn a_worker_s_own_value_overrides_the_default_even_if_it_is_0_false_or_empty() {
    let objects = render(
        "minimal",
        "
workerDefaults:
  replicas: 3
  drainLimitSeconds: 10
  preStopSeconds: 4
  tolerations: [{key: gpu, operator: Exists}]
  podAnnotations: {from: defaults}
  resources: {limits: {memory: 1Gi}}
workers:
  sso-sync:
    replicas: 0
    preStopSeconds: 0
    tolerations: []
    topologySpread: {enabled: false}
    podDisruptionBudget: {enabled: false}
    podAnnotations: {own: 'yes'}
",
    );
    let deployment = objects.get("Deployment", "sso-sync-scim");
    assert_eq!(deployment["spec"]["replicas"], 0);
    let pod = pod_spec(deployment).unwrap();
    for absent in ["tolerations", "topologySpreadConstraints"] {
        assert_eq!(pod.get(absent), None, "{absent}");
    }
    assert_eq!(pod["containers"][0].get("lifecycle"), None);
    assert!(objects.of_kind("PodDisruptionBudget").is_empty());
    // Defaults that the worker's own entry does not override stay.
    assert_eq!(variable(deployment, "COPPICE_DRAIN_LIMIT_SECS"), Some("10"));
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    assert_eq!((&annotations["from"], &annotations["own"]), (&json!("defaults"), &json!("yes")));
    let resources = &pod["containers"][0]["resources"];
    assert_eq!(
        resources,
        &json!({"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}})
    );
}

#[test]
fn a_disruption_budget_allows_the_eviction_of_the_only_pod() {
    let objects = render("emulator", "");
    for budget in objects.of_kind("PodDisruptionBudget") {
        assert_eq!(budget["spec"]["maxUnavailable"], 1);
        assert_eq!(budget["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    }
    let values =
        "workers: {sso-sync: {replicas: 4, podDisruptionBudget: {minAvailable: 2, maxUnavailable: ''}}}";
    let spec = &render("minimal", values).get("PodDisruptionBudget", "sso-sync-scim")["spec"].clone();
    assert_eq!((&spec["minAvailable"], spec.get("maxUnavailable")), (&json!(2), None));
}

#[test]
fn every_pod_meets_pod_security_restricted_and_has_no_token_of_the_cluster() {
    for example in EXAMPLES {
        let objects = render(example, "");
        let pods: Vec<_> = objects.all().filter_map(pod_spec).collect();
        assert!(pods.len() >= 8, "{example}: {}", pods.len());
        for pod in pods {
            assert_eq!(pod["automountServiceAccountToken"], false);
            let security = &pod["securityContext"];
            assert_eq!(security["runAsNonRoot"], true);
            let user = (example != "openshift").then(|| json!(65532));
            assert_eq!(security.get("runAsUser"), user.as_ref(), "{example}");
            assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
            let none = Vec::new();
            let containers = pod["containers"].as_array().unwrap().iter();
            for container in containers.chain(pod["initContainers"].as_array().unwrap_or(&none)) {
                let expected = json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                });
                assert_eq!(container["securityContext"], expected);
                assert!(container["resources"]["limits"]["memory"].is_string());
                assert!(container["resources"]["requests"]["cpu"].is_string());
                let command = container["command"][0].as_str().unwrap();
                assert!(command.starts_with("/usr/local/bin/"), "{command}");
            }
        }
        for account in objects.of_kind("ServiceAccount") {
            assert_eq!(account["automountServiceAccountToken"], false);
        }
    }
}

#[test]
fn the_chart_creates_exactly_the_service_accounts_of_the_pods() {
    for example in EXAMPLES {
        let objects = render(example, "");
        let name = |object: &serde_json::Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        let mut made: Vec<String> = objects.of_kind("ServiceAccount").into_iter().map(name).collect();
        let used = |pod: &serde_json::Value| pod["serviceAccountName"].as_str().unwrap().to_owned();
        let mut used: Vec<String> = objects.all().filter_map(pod_spec).map(used).collect();
        made.sort();
        used.sort();
        used.dedup();
        assert_eq!(made, used, "{example}");
    }
    let none = render("minimal", "serviceAccounts: {create: false}");
    assert_eq!(none.of_kind("ServiceAccount").len(), 1, "only the migration's, which is a hook");
}

#[test]
fn service_accounts_have_role_annotations_only_with_irsa() {
    let objects = render("production", "serviceAccounts: {roleArns: {audit: 'arn:aws:iam::1:role/own'}}");
    let role = |name: &str| {
        objects.get("ServiceAccount", name)["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].clone()
    };
    assert_eq!(role("sso-sync-okta"), "arn:aws:iam::123456789012:role/coppice-sso-sync-okta-eu-central-1");
    let fire_drill = "arn:aws:iam::123456789012:role/coppice-fire-drill-eu-central-1";
    assert_eq!(role("fire-drill"), fire_drill, "no branches");
    assert_eq!(role("audit"), "arn:aws:iam::1:role/own");
    assert!(!render_text("production", "aws: {identity: pod-identity}").unwrap().contains("role-arn"));
}

#[test]
fn probes_use_the_health_port_and_the_doctor_runs_first_if_enabled() {
    let objects = render("production", "workers: {crm-sync: {doctor: false}}");
    let pod = pod_spec(objects.get("Deployment", "sso-sync-auth0")).unwrap();
    let container = &pod["containers"][0];
    let asked = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
    assert_eq!(
        [asked("startupProbe"), asked("livenessProbe"), asked("readinessProbe")],
        ["/livez", "/livez", "/readyz"]
    );
    let doctor = &pod["initContainers"][0];
    assert_eq!(doctor["command"], json!(["/usr/local/bin/coppice"]));
    assert_eq!(doctor["args"], json!(["doctor", "--unit", "sso-sync"]));
    assert_eq!(doctor["env"], container["env"], "the doctor has the worker's environment");
    let without = pod_spec(objects.get("Deployment", "crm-sync-salesforce")).unwrap();
    assert_eq!(without.get("initContainers"), None);
}

#[test]
fn keda_counts_visible_messages_with_the_operator_s_credentials() {
    let objects = render("production", "");
    let spec = &objects.get("ScaledObject", "sso-sync-auth0")["spec"];
    let queue = &spec["triggers"][0];
    assert_eq!(
        (&queue["type"], &queue["metadata"]["scaleOnInFlight"]),
        (&json!("aws-sqs-queue"), &json!("false"))
    );
    assert_eq!(queue["metadata"]["scaleOnDelayed"], "false");
    assert_eq!(
        queue["metadata"].get("identityOwner"),
        None,
        "deprecated: the TriggerAuthentication names it"
    );
    assert_eq!(
        queue["metadata"]["queueURL"],
        "https://sqs.eu-central-1.amazonaws.com/123456789012/coppice-sso-sync-auth0"
    );
    let authentication = &objects.get("TriggerAuthentication", "sso-sync-auth0")["spec"]["podIdentity"];
    let expected = json!({
        "provider": "aws",
        "identityOwner": "keda",
        "roleArn": "arn:aws:iam::123456789012:role/coppice-keda-eu-central-1",
    });
    assert_eq!(authentication, &expected);
    // An open breaker counts as an empty queue.
    let modifiers = &spec["advanced"]["scalingModifiers"];
    assert_eq!(modifiers["formula"], "breaker > 0 ? 0 : depth");
    let names: Vec<_> = spec["triggers"].as_array().unwrap().iter().map(|trigger| &trigger["name"]).collect();
    assert_eq!(names, ["depth", "breaker"]);
    let query = spec["triggers"][1]["metadata"]["query"].as_str().unwrap();
    assert!(query.contains("branch=\"sso-sync-auth0\""), "another branch's breaker is no reason: {query}");
    assert_eq!(objects.get("Deployment", "sso-sync-auth0")["spec"].get("replicas"), None, "KEDA sets them");
    assert!(objects.find("HorizontalPodAutoscaler", "webhook-ingress").is_some());
    assert_eq!(objects.get("Deployment", "webhook-ingress")["spec"].get("replicas"), None);
    let alone = render("production", "workerDefaults: {keda: {prometheusUrl: ''}}");
    let spec = &alone.get("ScaledObject", "sso-sync-auth0")["spec"];
    assert_eq!(spec["triggers"].as_array().unwrap().len(), 1);
    assert_eq!(spec["advanced"].get("scalingModifiers"), None);
    let keys = render("emulator", "workers: {sso-sync: {keda: {enabled: true}}}");
    let targets = &keys.get("TriggerAuthentication", "sso-sync-auth0")["spec"]["secretTargetRef"];
    assert_eq!(targets[0]["name"], "coppice-aws");
    let trigger = &keys.get("ScaledObject", "sso-sync-auth0")["spec"]["triggers"][0]["metadata"];
    assert_eq!(trigger["awsEndpoint"], "http://10.0.0.1:4566");
}

#[test]
fn with_sql_roles_each_pod_gets_only_the_key_of_its_unit_and_migrate_knows_the_roles() {
    let url = |values: &str, kind, name| {
        let objects = render("minimal", values);
        let object = objects.get(kind, name);
        let key = variable(object, "DATABASE_URL_FILE").unwrap().rsplit_once('/').unwrap().1.to_owned();
        let volumes = pod_spec(object).unwrap()["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == "secret-database").unwrap();
        let items = &volume["secret"]["items"];
        assert_eq!(items, &json!([{"key": key, "path": key}]), "{kind} {name}: one key of the Secret");
        // `migrate` runs first, in an init container.
        let first = &pod_spec(object).unwrap()["initContainers"][0]["env"];
        let first = first.as_array().into_iter().flatten();
        let roles = first.filter(|variable| variable["name"] == "COPPICE_SQL_ROLES");
        let roles = roles.map(|variable| variable["value"].as_str().unwrap().to_owned()).next();
        assert_eq!(variable(object, "COPPICE_SQL_ROLES"), None, "{kind} {name}");
        (key, roles)
    };
    let roles = "database: {sqlRoles: orchard_}";
    for (kind, name, key) in [
        ("Deployment", "sso-sync-scim", "sso-sync"),
        ("CronJob", "retention", "coppice"),
        ("Pod", "test-doctor", "coppice"),
    ] {
        assert_eq!(url(roles, kind, name), (String::from(key), None));
        assert_eq!(url("", kind, name), (String::from("DATABASE_URL"), None), "one role for all");
    }
    let prefix = Some(String::from("orchard_"));
    assert_eq!(url(roles, "Job", "migrate"), (String::from("migrate"), prefix.clone()));
    let owner = "{migrate: {databaseSecret: {name: owner}}, database: {sqlRoles: orchard_}}";
    assert_eq!(url(owner, "Job", "migrate"), (String::from("DATABASE_URL"), prefix));
}

#[test]
fn one_digest_applies_to_the_whole_fleet() {
    let objects = render("production", "");
    for pod in objects.all().filter_map(pod_spec) {
        let image = pod["containers"][0]["image"].as_str().unwrap();
        assert!(image.contains("/coppice@sha256:2c26"), "{image}");
    }
    let tagged = render("emulator", "");
    let container = &pod_spec(tagged.get("Deployment", "sso-sync-auth0")).unwrap()["containers"][0];
    assert_eq!(
        (&container["image"], &container["imagePullPolicy"]),
        (&json!("docker.io/library/coppice:0.1.0"), &json!("Never"))
    );
}

#[test]
fn webhooks_arrive_through_a_service_and_an_ingress() {
    let objects = render("production", "");
    assert_eq!(objects.get("Service", "webhook-ingress")["spec"]["ports"][0]["targetPort"], "webhooks");
    let ingress = &objects.get("Ingress", "webhook-ingress")["spec"];
    assert_eq!(ingress["rules"][0]["host"], "hooks.example.gov");
    assert_eq!(ingress["tls"][0]["secretName"], "hooks-tls");
    let paths = ingress["rules"][0]["http"]["paths"].as_array().unwrap();
    let paths: Vec<&str> = paths.iter().map(|path| path["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/webhooks/", "/sources/"], "webhooks, and records that are handed over");
    let container = &pod_spec(objects.get("Deployment", "webhook-ingress")).unwrap()["containers"][0];
    assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 5);
    assert!(render("production", "webhooks: {ingress: {enabled: false}}").of_kind("Ingress").is_empty());
}

#[test]
fn the_same_values_render_the_same_text() {
    assert_eq!(render_text("production", ""), render_text("production", ""));
}

#[test]
fn objects_of_cluster_extensions_are_off_by_default() {
    for example in ["minimal", "emulator"] {
        for object in render(example, "").all() {
            let version = object["apiVersion"].as_str().unwrap();
            let own = ["v1", "apps/v1", "batch/v1", "policy/v1", "networking.k8s.io/v1", "autoscaling/v2"];
            assert!(own.contains(&version), "{example}: {version}");
        }
    }
}
