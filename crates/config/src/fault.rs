//! What is wrong with a file: every fault at once, each with its place.

use std::fmt;

/// One fault. It does not repeat the value: it may be a secret that was written in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the file's tables: `sources.auth0.url`. Empty: the whole file.
    pub path: String,
    /// Line and column, from 1.
    pub place: Option<(usize, usize)>,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Every fault of a file, in the order of their places. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration cannot be used:\n  {}", texts(faults).join("\n  "))]
pub struct ConfigError {
    /// The faults.
    pub faults: Vec<Fault>,
}

impl From<Vec<Fault>> for ConfigError {
    fn from(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.place);
        Self { faults }
    }
}

pub(crate) fn texts(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}
