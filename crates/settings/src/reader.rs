//! Reads settings from variables.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use crate::{Fault, Setting, SettingHelp, SettingsError};

/// The folder of mounted secrets, one file for each.
pub const SECRETS_DIRECTORY: &str = "COPPICE_SECRETS_DIRECTORY";

/// Settings that are read together. [`declare!`](crate::declare!) implements it.
pub trait Settings: Sized {
    /// Every setting that may be read, for `--help` and the documentation.
    const ALL: &'static [SettingHelp];

    /// Reads them.
    ///
    /// # Errors
    /// [`SettingsError`] with every setting that is missing or wrong.
    fn read(reader: &Reader) -> Result<Self, SettingsError>;
}

/// The variables that settings are read from.
#[derive(Debug, Default)]
pub struct Reader {
    variables: BTreeMap<String, String>,
}

impl Reader {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this crate is where the environment is read")]
    pub fn from_environment() -> Self {
        Self::from_variables(std::env::vars())
    }

    /// Takes the given variables: for tests, and for checking a deployment's values before there is a deployment.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect() }
    }

    /// The setting's value.
    ///
    /// # Errors
    /// [`SettingsError`] with one fault when it is missing or wrong.
    pub fn read<T>(&self, setting: Setting<T>) -> Result<T, SettingsError> {
        let text = self.text(&setting)?;
        (setting.parse)(&text).map_err(|problem| setting.fault(problem))
    }

    /// All settings of a type.
    ///
    /// # Errors
    /// [`SettingsError`] with every setting that is missing or wrong.
    pub fn load<S: Settings>(&self) -> Result<S, SettingsError> {
        S::read(self)
    }

    /// The secret of this name, which a file mentions: the variable `COPPICE_SECRET_<NAME>`, or the file `<name>` in the folder
    /// [`SECRETS_DIRECTORY`].
    ///
    /// # Errors
    /// [`SettingsError`] with one fault when it is in neither, or empty.
    pub fn secret(&self, name: &str, meaning: &str) -> Result<SecretString, SettingsError> {
        let variable = format!("COPPICE_SECRET_{}", name.to_ascii_uppercase().replace('-', "_"));
        let fault = |problem: String| {
            let (name, meaning) = (variable.clone().into(), meaning.to_owned().into());
            SettingsError::from(Fault { name, meaning, problem })
        };
        let text = match (self.variables.get(&variable), self.variables.get(SECRETS_DIRECTORY)) {
            (Some(text), _) => text.clone(),
            (None, Some(folder)) => {
                let path = Path::new(folder).join(name);
                std::fs::read_to_string(&path).map_err(|error| {
                    fault(format!(
                        "is not set, and the file {} cannot be read: {}",
                        path.display(),
                        error.kind()
                    ))
                })?
            }
            (None, None) => {
                return Err(fault(format!(
                    "is not set: set it, or mount the file {name} and set {SECRETS_DIRECTORY}"
                )));
            }
        };
        match text.trim_end_matches(['\n', '\r']) {
            "" => Err(fault(String::from("is empty"))),
            text => Ok(text.into()),
        }
    }

    /// A variable, or the content of the file that `NAME_FILE` names, which no setting of this release declares.
    pub fn variable(&self, name: &str) -> Option<String> {
        let file = || {
            self.variables.get(&format!("{name}_FILE")).and_then(|path| std::fs::read_to_string(path).ok())
        };
        self.variables
            .get(name)
            .cloned()
            .or_else(file)
            .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
    }

    fn text<T>(&self, setting: &Setting<T>) -> Result<String, SettingsError> {
        let named = self.variables.get(setting.name);
        let file = self.variables.get(&format!("{}_FILE", setting.name));
        let value = match (named, file) {
            (Some(_), Some(_)) => {
                return Err(setting.fault(format!("is set twice: unset {0} or {0}_FILE", setting.name)));
            }
            (Some(value), None) => value.clone(),
            (None, Some(path)) => std::fs::read_to_string(path)
                .map(|value| value.trim_end_matches(['\n', '\r']).to_owned())
                .map_err(|error| {
                    setting.fault(format!(
                        "the file that {}_FILE names cannot be read: {}",
                        setting.name,
                        error.kind()
                    ))
                })?,
            (None, None) => {
                return setting.default.map(str::to_owned).ok_or_else(|| setting.is_not_set());
            }
        };
        // A variable that is set to nothing hides a mistake, unless nothing is what it means when it is not set.
        if value.is_empty() && setting.default != Some("") {
            return Err(setting.fault("is empty"));
        }
        Ok(value)
    }
}
