//! `topology render`: the templates of the file of sources, into a folder, or the topology's on standard output.

use std::fmt;
use std::path::PathBuf;

use ::topology::{Alarms, Faults, Model, Templates, templates};
use config::CONFIG;
use job_process::{JobError, print};
use serde::Serialize;
use settings::Reader;

use crate::arguments::TopologyCommand;

/// What was rendered.
#[derive(Serialize)]
struct Rendered {
    branches: usize,
    files: Vec<PathBuf>,
    /// Without a folder: the texts, for standard output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<String>,
}

pub(crate) fn run(command: TopologyCommand, json: bool) -> Result<(), JobError> {
    let TopologyCommand::Render { out, alarms_apart } = command;
    let config = Reader::from_environment().read(CONFIG)?;
    let usage = |faults: Faults| JobError::Usage(faults.to_string());
    let alarms = if alarms_apart { Alarms::Apart } else { Alarms::Within };
    let templates = templates(&config, alarms).map_err(usage)?;
    let branches = Model::of(&config).map_err(usage)?.branches.len();
    let rendered = match out {
        Some(folder) => Rendered { branches, files: write(&templates, &folder)?, texts: Vec::new() },
        None => {
            let texts = templates.files().into_iter().map(|(_, text)| text).collect();
            Rendered { branches, files: Vec::new(), texts }
        }
    };
    print(&rendered, json)
}

fn write(templates: &Templates, folder: &std::path::Path) -> Result<Vec<PathBuf>, JobError> {
    let failed = |path: &std::path::Path, error: std::io::Error| {
        JobError::Failed(format!("{} cannot be written: {}", path.display(), error.kind()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut written = Vec::new();
    for (name, text) in templates.files() {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        written.push(path);
    }
    Ok(written)
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files.is_empty() {
            // Documents of one YAML stream.
            return f.write_str(&self.texts.join("---\n"));
        }
        writeln!(f, "{} branches", self.branches)?;
        self.files.iter().try_for_each(|path| writeln!(f, "{}", path.display()))
    }
}
