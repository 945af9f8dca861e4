//! Settings from environment variables and mounted files: typed values, or one error that lists *every* setting that is missing
//! or wrong, so that an operator fixes them in one go. Each is declared beside the code that uses it ([`declare!`]). This is
//! the only crate that reads the environment. `NAME_FILE=/path` gives the value of `NAME`: Kubernetes mounts secrets this way.
//!
//! Not `config` or `figment`: they stop at the first fault. Not clap: it reports only the first value that is wrong.

mod declare;
mod fault;
mod reader;
mod setting;

pub use fault::{Fault, SettingsError, all, both};
pub use reader::{Reader, SECRETS_DIRECTORY, Settings};
pub use setting::{Setting, SettingHelp, describe};

/// What [`declare!`] expands to. Not for other use.
#[doc(hidden)]
pub mod expansion {
    pub use std::time::Duration;

    pub use secrecy::SecretString;

    pub use crate::setting::{by_function, count, join, optional, parsed, within};
}
