//! What stands in the way of a topology.

use std::fmt;

/// One fault, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The source that it is about. `None`: the whole file.
    pub source: Option<String>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Fault {
    pub(crate) fn of(source: &str, message: impl Into<String>) -> Self {
        Self { source: Some(source.to_owned()), message: message.into() }
    }

    pub(crate) fn of_all(message: impl Into<String>) -> Self {
        Self { source: None, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "sources.{source}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Every fault of a file. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no topology follows from the file:\n  {}", texts(.0).join("\n  "))]
pub struct Faults(pub Vec<Fault>);

fn texts(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

impl Faults {
    /// Fails if there are any.
    pub(crate) fn none(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }
}
