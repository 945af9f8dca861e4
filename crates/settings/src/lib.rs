//! Settings from environment variables and mounted files.
//!
//! In: [`Setting`]s, each named and explained once as a constant beside the code that uses it, and the process's
//! environment. Out: typed values, or one error that lists *every* setting that is missing or wrong, so that an
//! operator mends them in one go. This is the only crate that reads the environment.
//!
//! A setting `NAME` may come from a file instead: `NAME_FILE=/path`. Secrets mounted by Kubernetes come that way.
//!
//! Not `config` or `figment`: they stop at the first fault. Not clap: it lists what is missing, but reports only the
//! first value that is wrong.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use secrecy::SecretString;

/// One environment variable: its name, what it means, and what holds when it is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// What it means, with its unit, in a sentence fragment.
    pub meaning: &'static str,
    /// The value when it is not set. `None`: it has to be set.
    pub default: Option<&'static str>,
}

impl Setting {
    /// A setting without which the process does not start.
    #[must_use]
    pub const fn required(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, default: None }
    }

    /// A setting with a default.
    #[must_use]
    pub const fn with_default(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, default: Some(default) }
    }
}

/// Text for `--help`: every setting with its meaning and default.
#[must_use]
pub fn describe(settings: &[Setting]) -> String {
    let mut text = String::from("Settings (environment variables; NAME_FILE reads the value from a file):\n");
    for Setting { name, meaning, default } in settings {
        let default = default.map_or(String::from("required"), |value| format!("default {value}"));
        text.push_str(&format!("  {name}\n      {meaning} [{default}]\n"));
    }
    text
}

/// Reads settings and remembers every fault until [`Reader::finish`].
#[derive(Debug, Default)]
pub struct Reader {
    variables: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

/// What is wrong with one setting. The value itself is never shown: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which variable.
    pub name: &'static str,
    /// What it is for.
    pub meaning: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// Every fault at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} setting(s) missing or wrong:", self.faults.len())?;
        for fault in &self.faults {
            write!(f, "\n  {}: {} ({})", fault.name, fault.problem, fault.meaning)?;
        }
        Ok(())
    }
}

impl Reader {
    /// Reads the process's environment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this crate is where the environment is read")]
    pub fn from_environment() -> Self {
        Self::from_variables(std::env::vars())
    }

    /// Reads the given variables: for tests, and for checking a deployment's values before it is made.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect(), faults: Vec::new() }
    }

    /// The value, parsed. `None` when it is missing or wrong: the fault is kept for [`Reader::finish`].
    pub fn read<T: FromStr<Err: Display>>(&mut self, setting: Setting) -> Option<T> {
        let text = self.text(setting)?;
        text.parse().map_err(|error| self.fault(setting, format!("cannot be used: {error}"))).ok()
    }

    /// A number within bounds, both included.
    pub fn read_within<T>(&mut self, setting: Setting, low: T, high: T) -> Option<T>
    where
        T: FromStr<Err: Display> + PartialOrd + Display,
    {
        let value: T = self.read(setting)?;
        if value >= low && value <= high {
            return Some(value);
        }
        self.fault(setting, format!("must be from {low} to {high}"));
        None
    }

    /// A secret. Its text appears in no error and no `Debug` output.
    pub fn secret(&mut self, setting: Setting) -> Option<SecretString> {
        self.text(setting).map(SecretString::from)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`SettingsError`] with every fault, in the order of reading.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.faults.is_empty() { Ok(()) } else { Err(SettingsError { faults: self.faults }) }
    }

    fn text(&mut self, setting: Setting) -> Option<String> {
        let named = self.variables.get(setting.name).cloned();
        let file = self.variables.get(&format!("{}_FILE", setting.name)).cloned();
        let value = match (named, file) {
            (Some(_), Some(_)) => {
                self.fault(setting, format!("is set twice: unset it or {}_FILE", setting.name));
                return None;
            }
            (Some(value), None) => value,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(value) => value.trim_end_matches(['\n', '\r']).to_owned(),
                Err(error) => {
                    self.fault(setting, format!("file cannot be read: {}", error.kind()));
                    return None;
                }
            },
            (None, None) => match setting.default {
                Some(default) => return Some(default.to_owned()),
                None => {
                    self.fault(setting, String::from("is not set"));
                    return None;
                }
            },
        };
        if value.is_empty() && setting.default != Some("") {
            self.fault(setting, String::from("is empty"));
            return None;
        }
        Some(value)
    }

    fn fault(&mut self, setting: Setting, problem: String) {
        self.faults.push(Fault { name: setting.name, meaning: setting.meaning, problem });
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const PORT: Setting = Setting::with_default("PORT", "8080", "where to listen");
    const URL: Setting = Setting::required("URL", "whom to ask");
    const KEY: Setting = Setting::required("KEY", "what to show");

    fn reader(variables: &[(&str, &str)]) -> Reader {
        Reader::from_variables(
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn every_fault_is_listed_at_once_and_no_value_is_shown() {
        let mut reader = reader(&[("PORT", "hunter2")]);
        assert_eq!(reader.read::<u16>(PORT), None);
        assert_eq!(reader.read::<String>(URL), None);
        assert!(reader.secret(KEY).is_none());
        let text = reader.finish().unwrap_err().to_string();
        assert_eq!(
            text,
            "3 setting(s) missing or wrong:\
             \n  PORT: cannot be used: invalid digit found in string (where to listen)\
             \n  URL: is not set (whom to ask)\
             \n  KEY: is not set (what to show)"
        );
    }

    #[test]
    fn a_default_holds_only_when_nothing_is_set() {
        assert_eq!(reader(&[]).read::<u16>(PORT), Some(8080));
        assert_eq!(reader(&[("PORT", "9")]).read::<u16>(PORT), Some(9));
        let mut empty = reader(&[("PORT", "")]);
        assert_eq!(empty.read::<u16>(PORT), None, "an empty value hides a mistake");
        assert!(empty.finish().is_err());
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let path = std::env::temp_dir().join(format!("coppice-settings-{}", std::process::id()));
        std::fs::write(&path, "s3cret\n").unwrap();
        let mut reader = reader(&[("KEY_FILE", path.to_str().unwrap())]);
        let secret = reader.secret(KEY).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(secret.expose_secret(), "s3cret");
        assert!(!format!("{secret:?}").contains("s3cret"));
    }

    #[test]
    fn a_number_out_of_bounds_says_the_bounds() {
        let mut reader = reader(&[("PORT", "70")]);
        assert_eq!(reader.read_within(PORT, 80_u16, 90), None);
        assert_eq!(reader.finish().unwrap_err().faults[0].problem, "must be from 80 to 90");
    }
}
