//! Settings that are missing or wrong.

use std::borrow::Cow;
use std::fmt::{self, Display};

/// What is wrong with one setting. The value itself is never shown: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub name: Cow<'static, str>,
    /// What the setting is for.
    pub meaning: Cow<'static, str>,
    /// What is wrong.
    pub problem: String,
}

/// Every fault at once, in the order of reading. There is at least one: only a fault makes an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(Vec<Fault>);

impl SettingsError {
    /// The faults, in the order of reading.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }

    fn and(mut self, others: Self) -> Self {
        // Two settings may depend on a third, whose fault is one.
        for fault in others.0 {
            if !self.0.contains(&fault) {
                self.0.push(fault);
            }
        }
        self
    }
}

impl From<Fault> for SettingsError {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} setting(s) missing or wrong:", self.0.len())?;
        for fault in &self.0 {
            write!(f, "\n  {}: {} ({})", fault.name, fault.problem, fault.meaning)?;
        }
        Ok(())
    }
}

/// Two reads as one.
///
/// # Errors
/// The faults of the first and then those of the second: neither hides the other's.
pub fn both<A, B>(
    first: Result<A, SettingsError>,
    second: Result<B, SettingsError>,
) -> Result<(A, B), SettingsError> {
    // No read hides the faults of another, and no code has to decide what a missing value without a fault means.
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) => Err(first.and(second)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Any number of reads as one.
///
/// # Errors
/// The faults of all of them, in their order.
pub fn all<T>(reads: impl IntoIterator<Item = Result<T, SettingsError>>) -> Result<Vec<T>, SettingsError> {
    let mut all = Ok(Vec::new());
    for read in reads {
        all = both(all, read).map(|(mut values, value)| {
            values.push(value);
            values
        });
    }
    all
}
