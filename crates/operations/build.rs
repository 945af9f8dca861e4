//! Compiles the sample events of the topology in, whichever there are, so that a new one needs no line here.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/cloudformation/sample-events");
    println!("cargo::rerun-if-changed={}", samples.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&samples)? {
        let path = entry?.path().canonicalize()?;
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            names.push(format!("({name:?}, include_str!({:?})),\n", path.display().to_string()));
        }
    }
    names.sort();
    #[expect(clippy::disallowed_methods, reason = "cargo tells a build script where to write in this way")]
    let folder = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&folder).join("sample_events.rs"), format!("&[{}]", names.concat()))
}
