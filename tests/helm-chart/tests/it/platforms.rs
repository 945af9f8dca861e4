//! Flux, Argo CD, `OpenShift`, IPv6, tainted nodes and a service mesh: what each of them asks of the objects. `manifests.rs`
//! validates the same examples with Kubernetes' schemas.

use std::process::Command;

use serde_json::{Value, json};

use crate::chart::{EXAMPLES, Objects, folder, helm, pod, pod_spec, render, render_release};

/// A name of most objects, as a part of a host name.
fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// A label's value: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>.
fn is_label(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| ends(c) || "-_.".contains(c);
    text.is_empty()
        || (text.len() <= 63 && text.chars().all(inner) && text.starts_with(ends) && text.ends_with(ends))
}

/// Kubernetes' schemas do not say what a name or a label may be.
pub(crate) fn assert_names_are_valid(objects: &Objects) {
    for object in objects.all() {
        let kind = object["kind"].as_str().unwrap();
        let name =
            object["metadata"]["name"].as_str().unwrap_or_else(|| panic!("{kind}: {}", object["metadata"]));
        let longest = if kind == "CronJob" { 52 } else { 63 };
        assert!(is_name(name) && name.len() <= longest, "{kind} {name}");
        if kind == "Service" {
            assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{kind} {name}");
        }
        let of_pod = pod(object).map(|pod| &pod["metadata"]["labels"]);
        let selector = object.pointer("/spec/selector/matchLabels");
        for labels in [Some(&object["metadata"]["labels"]), of_pod, selector].into_iter().flatten() {
            for (label, value) in labels.as_object().unwrap() {
                let valid = value.as_str().is_some_and(is_label);
                assert!(valid, "{kind} {name}: {label}: {value}");
            }
        }
    }
}

fn pods(objects: &Objects) -> impl Iterator<Item = (&Value, &Value)> {
    objects.all().filter_map(|object| Some((&object["metadata"]["name"], pod(object)?)))
}

#[test]
fn every_name_and_every_label_is_one_that_kubernetes_accepts() {
    for example in EXAMPLES {
        assert_names_are_valid(&render(example, ""));
    }
}

/// Flux packages the chart under a version with `+` and a digest.
#[test]
fn a_version_with_build_metadata_gives_valid_labels_and_a_valid_image() {
    for version in ["0.1.0+2c26b46b68ff", &format!("0.1.0+{}", "a".repeat(70))] {
        let packages = tempfile::tempdir().unwrap();
        let packaged = Command::new(helm())
            .arg("package")
            .arg(folder())
            .args(["--version", version, "--app-version", version, "--destination"])
            .arg(packages.path())
            .output()
            .unwrap();
        assert!(packaged.status.success(), "{}", String::from_utf8_lossy(&packaged.stderr));
        let package = std::fs::read_dir(packages.path()).unwrap().next().unwrap().unwrap().path();
        let objects = Objects::parse(&render_release("coppice", &package, "flux", "").unwrap());
        assert_names_are_valid(&objects);
        let worker = objects.get("Deployment", "sso-sync-scim");
        let label = worker["metadata"]["labels"]["helm.sh/chart"].as_str().unwrap();
        assert!(label.starts_with("coppice-0.1.0_"), "{label}");
        let image = pod_spec(worker).unwrap()["containers"][0]["image"].as_str().unwrap();
        let (_, tag) = image.split_once(':').unwrap();
        assert!(is_label(tag), "{image}");
    }
}

/// Argo CD knows these hooks of Helm, and ignores those of tests. It cannot look objects up when it renders.
#[test]
fn argo_cd_runs_the_migration_before_all_other_objects() {
    let objects = render("argo-cd", "");
    assert!(objects.of_kind("Pod").is_empty(), "no test");
    let hooks: Vec<_> = objects
        .all()
        .filter_map(|object| {
            let hook = object["metadata"]["annotations"]["helm.sh/hook"].as_str()?;
            Some((object["kind"].as_str().unwrap(), hook))
        })
        .collect();
    let kinds = ["NetworkPolicy", "ServiceAccount", "ConfigMap", "Job"];
    assert_eq!(hooks, kinds.map(|kind| (kind, "pre-install,pre-upgrade")));
    for scaled in objects.of_kind("Deployment") {
        assert_eq!(scaled["spec"].get("replicas"), None, "Argo CD would set what KEDA has set");
    }
    for entry in std::fs::read_dir(folder().join("templates")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("lookup \""), "{}", path.display());
        }
    }
}

#[test]
fn openshift_chooses_the_user_of_every_pod() {
    let objects = render("openshift", "");
    for (name, pod) in pods(&objects) {
        let security = pod["spec"]["securityContext"].as_object().unwrap();
        let keys: Vec<&String> = security.keys().collect();
        assert_eq!(keys, ["runAsNonRoot", "seccompProfile"], "{name}");
        let secrets = pod["spec"]["volumes"].as_array().unwrap().iter();
        for secret in secrets.filter(|volume| volume["secret"].is_object()) {
            assert_eq!(
                secret["secret"]["defaultMode"], 0o444,
                "{name}: a user without the files' group reads them"
            );
        }
    }
    let text =
        render_release("coppice", &folder(), "minimal", "podUser: {runAsUser: 1000710000, fsGroup: null}");
    let objects = Objects::parse(&text.unwrap());
    let (_, pod) = pods(&objects).next().unwrap();
    assert_eq!(pod["spec"]["securityContext"]["runAsUser"], 1_000_710_000);
    assert_eq!(pod["spec"]["securityContext"]["runAsGroup"], 65532);
}

/// The units listen on `[::]` by default; the chart gives no address.
#[test]
fn no_object_assumes_ipv4() {
    let objects = render("ipv6", "");
    for (name, pod) in pods(&objects) {
        let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap();
        for variable in variables {
            let value = variable["value"].as_str().unwrap_or_default();
            assert!(!value.contains("0.0.0.0") && !value.contains("127.0.0.1"), "{name}: {variable}");
        }
        let dual_stack = json!({"name": "AWS_USE_DUALSTACK_ENDPOINT", "value": "true"});
        assert!(variables.contains(&dual_stack), "{name}");
    }
    let egress = &objects.get("NetworkPolicy", "aws-and-sources")["spec"]["egress"];
    assert_eq!(egress[1]["to"][1]["ipBlock"]["cidr"], "fd00:ec2::23/128", "the agent of Pod Identity");
    for (endpoint, port) in [("http://[fd00::1]:4566", 4566), ("http://[fd00::1]", 80)] {
        let objects = render("ipv6", &format!("aws: {{endpointUrl: '{endpoint}'}}"));
        let egress = &objects.get("NetworkPolicy", "aws-and-sources")["spec"]["egress"];
        assert_eq!(egress[0]["ports"][1]["port"], port, "{endpoint}");
    }
}

#[test]
fn every_pod_has_what_the_operator_adds_to_all_of_them() {
    let objects = render("tainted-nodes", "");
    let mut kinds = std::collections::BTreeSet::new();
    for object in objects.all() {
        let Some(pod) = pod(object) else { continue };
        let name = &object["metadata"]["name"];
        kinds.insert(object["kind"].as_str().unwrap());
        let spec = &pod["spec"];
        let pool = if name == "coppice-webhook-ingress" { "edge" } else { "coppice" };
        let toleration =
            json!([{"key": "example.gov/pool", "operator": "Equal", "value": pool, "effect": "NoSchedule"}]);
        assert_eq!(spec["tolerations"], toleration, "{name}");
        assert_eq!(spec["nodeSelector"], json!({"example.gov/pool": pool}), "{name}");
        assert!(spec["affinity"]["nodeAffinity"].is_object(), "{name}");
        let spread = spec["topologySpreadConstraints"].as_array().unwrap();
        assert_eq!(spread.last().unwrap()["whenUnsatisfiable"], "ScheduleAnyway", "{name}");
        assert_eq!(spec["priorityClassName"], "business-critical", "{name}");
        assert_eq!(pod["metadata"]["labels"]["example.gov/cost-center"], "people", "{name}");
        assert_eq!(pod["metadata"]["annotations"]["example.gov/owner"], "identity-team", "{name}");
        let container = &spec["containers"][0];
        let has = |list: &Value, item: Value| list.as_array().unwrap().contains(&item);
        assert!(has(&container["env"], json!({"name": "RUST_BACKTRACE", "value": "1"})), "{name}");
        assert!(
            has(&container["volumeMounts"], json!({"name": "scratch", "mountPath": "/scratch"})),
            "{name}"
        );
        assert!(has(&spec["volumes"], json!({"name": "scratch", "emptyDir": {}})), "{name}");
    }
    let all = ["CronJob", "Deployment", "Job", "Pod"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn the_migration_and_the_tests_may_differ_from_the_other_pods() {
    let values = "
podDefaults: {nodeSelector: {pool: all}, podLabels: {a: b}}
migrate: {nodeSelector: {pool: database}, podLabels: {app.kubernetes.io/name: other, c: d}, tolerations: [{operator: Exists}]}
testDefaults: {nodeSelector: {pool: test}, databaseSecret: {name: coppice-database-test}}
";
    let objects = render("minimal", values);
    let migrate = pod(objects.get("Job", "migrate")).unwrap();
    assert_eq!(migrate["spec"]["nodeSelector"], json!({"pool": "database"}));
    assert_eq!(migrate["spec"]["tolerations"], json!([{"operator": "Exists"}]));
    let labels = &migrate["metadata"]["labels"];
    assert_eq!((&labels["a"], &labels["c"]), (&json!("b"), &json!("d")));
    assert_eq!(labels["app.kubernetes.io/name"], "coppice", "the network policies find the pod by it");
    let test = pod_spec(objects.get("Pod", "test-doctor")).unwrap();
    assert_eq!(test["nodeSelector"], json!({"pool": "test"}));
    assert_eq!(test["volumes"][0]["secret"]["secretName"], "coppice-database-test");
    let worker = pod_spec(objects.get("Deployment", "sso-sync-scim")).unwrap();
    assert_eq!(worker["nodeSelector"], json!({"pool": "all"}));
}

#[test]
fn every_container_finds_the_authority_of_the_database() {
    let secret = render("tainted-nodes", "");
    let config_map = render(
        "minimal",
        "{database: {caConfigMap: {name: rds-ca, key: eu-central-1.pem}}, workerDefaults: {doctor: true}}",
    );
    let sources = [
        json!({"secret": {"secretName": "coppice-database-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}),
        json!({"configMap": {"name": "rds-ca", "items": [{"key": "eu-central-1.pem", "path": "ca.crt"}]}}),
    ];
    for (objects, source) in [&secret, &config_map].into_iter().zip(sources) {
        let mut containers = 0;
        for (name, pod) in pods(objects) {
            let mut volume = source.clone();
            volume["name"] = json!("database-ca");
            assert!(pod["spec"]["volumes"].as_array().unwrap().contains(&volume), "{name}");
            let none = Vec::new();
            let inits = pod["spec"]["initContainers"].as_array().unwrap_or(&none);
            for container in pod["spec"]["containers"].as_array().unwrap().iter().chain(inits) {
                let mount = json!({"name": "database-ca", "mountPath": "/run/secrets/coppice/database-ca", "readOnly": true});
                assert!(container["volumeMounts"].as_array().unwrap().contains(&mount), "{name}");
                let variable =
                    json!({"name": "PGSSLROOTCERT", "value": "/run/secrets/coppice/database-ca/ca.crt"});
                assert!(container["env"].as_array().unwrap().contains(&variable), "{name}");
                containers += 1;
            }
        }
        assert!(containers >= 10, "{containers}");
    }
    for (name, pod) in pods(&render("minimal", "")) {
        assert!(!pod.to_string().contains("PGSSLROOTCERT"), "{name}");
    }
}

/// The proxy of a mesh, as its webhook adds it to a pod that asks for a native sidecar: the pod is done when its containers are.
#[test]
fn in_a_mesh_jobs_end_and_the_doctor_has_a_network() {
    let objects = render("service-mesh", "");
    for (name, pod) in pods(&objects) {
        let metadata = &pod["metadata"];
        assert_eq!(metadata["labels"]["sidecar.istio.io/inject"], "true", "{name}");
        for request in
            ["sidecar.istio.io/nativeSidecar", "config.beta.linkerd.io/proxy-enable-native-sidecar"]
        {
            assert_eq!(metadata["annotations"][request], "true", "{name}: {request}");
        }
    }
    for object in
        objects.all().filter(|object| ["Job", "CronJob"].contains(&object["kind"].as_str().unwrap()))
    {
        let spec = object.pointer("/spec/jobTemplate/spec").unwrap_or(&object["spec"]);
        for rule in spec["podFailurePolicy"]["rules"].as_array().into_iter().flatten() {
            if rule["onExitCodes"].is_object() {
                // Not the exit code of the mesh's proxy.
                let own = &pod_spec(object).unwrap()["containers"][0]["name"];
                assert_eq!(&rule["onExitCodes"]["containerName"], own);
            }
        }
    }
    // Probes have names of ports and no scheme or host, so that a mesh can rewrite them.
    for worker in objects.of_kind("Deployment") {
        let container = &pod_spec(worker).unwrap()["containers"][0];
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let request = container[probe]["httpGet"].as_object().unwrap();
            assert_eq!(request.keys().collect::<Vec<_>>(), ["path", "port"], "{probe}");
        }
    }
    for policy in ["all", "migrate"] {
        let egress = objects.get("NetworkPolicy", policy)["spec"]["egress"].to_string();
        assert!(egress.contains("15012") && egress.contains("8086"), "{policy}: the mesh's control plane");
    }
}
