//! Renders the chart. In: values. Out: Kubernetes objects.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use local_stack::Tools;
use serde_json::Value;

/// The names of the example files.
pub(crate) const EXAMPLES: [&str; 9] = [
    "minimal",
    "production",
    "emulator",
    "flux",
    "argo-cd",
    "openshift",
    "ipv6",
    "tainted-nodes",
    "service-mesh",
];

pub(crate) fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| Tools::locate_or_install(|line| println!("{line}")).unwrap())
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether everything is tried, as in `cargo xtask nightly --only chart`, or a part that takes a minute.
#[expect(clippy::disallowed_methods, reason = "the command line of a test is its environment")]
pub(crate) fn every_night() -> bool {
    std::env::var("COPPICE_CHART_TESTS").is_ok_and(|value| value == "all")
}

pub(crate) fn folder() -> PathBuf {
    workspace().join("deploy/helm/coppice")
}

pub(crate) fn example(name: &str) -> PathBuf {
    folder().join(format!("ci/{name}-values.yaml"))
}

pub(crate) fn helm() -> &'static Path {
    static HELM: OnceLock<PathBuf> = OnceLock::new();
    HELM.get_or_init(|| tools().helm().unwrap())
}

/// Renders an example with further values, as text. Returns Helm's error output if it refuses them.
pub(crate) fn render_text(example_name: &str, values: &str) -> Result<String, String> {
    render_release("coppice", &folder(), example_name, values)
}

/// As [`render_text`], under another name of the release and from another folder or package of the chart.
pub(crate) fn render_release(
    release: &str,
    chart: &Path,
    example_name: &str,
    values: &str,
) -> Result<String, String> {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(values.as_bytes()).unwrap();
    let mut command = Command::new(helm());
    command.args(["template", release]).arg(chart).args(["--namespace", "fleet", "--kube-version", "1.36.0"]);
    if !example_name.is_empty() {
        command.arg("--values").arg(example(example_name));
    }
    let output = command.arg("--values").arg(file.path()).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The rendered Kubernetes objects.
pub(crate) struct Objects(Vec<Value>);

/// Renders an example with further values, as objects.
pub(crate) fn render(example_name: &str, values: &str) -> Objects {
    Objects::parse(&render_text(example_name, values).unwrap_or_else(|error| panic!("{values}\n{error}")))
}

impl Objects {
    pub(crate) fn parse(text: &str) -> Self {
        let objects: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
        Self(objects.into_iter().filter(|object| !object.is_null()).collect())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.all().filter(|object| object["kind"] == kind).collect()
    }

    /// The object of this kind with the name `coppice-<name>`, if there is one.
    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        let name = format!("coppice-{name}");
        self.of_kind(kind).into_iter().find(|object| object["metadata"]["name"] == name)
    }

    pub(crate) fn get(&self, kind: &str, name: &str) -> &Value {
        self.find(kind, name).unwrap_or_else(|| panic!("no {kind} coppice-{name}"))
    }
}

/// The pod of an object, if the object has one: its metadata and its spec.
pub(crate) fn pod(object: &Value) -> Option<&Value> {
    let path = match object["kind"].as_str()? {
        "Deployment" | "Job" => "/spec/template",
        "CronJob" => "/spec/jobTemplate/spec/template",
        "Pod" => "",
        _ => return None,
    };
    object.pointer(path)
}

/// The pod's spec of an object, if the object has a pod.
pub(crate) fn pod_spec(object: &Value) -> Option<&Value> {
    pod(object)?.get("spec")
}

/// The variables of a pod's first container.
pub(crate) fn variable<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let variables = pod_spec(object)?["containers"][0]["env"].as_array()?;
    variables.iter().find(|variable| variable["name"] == name)?["value"].as_str()
}
