//! Settings from environment variables and mounted files.
//!
//! In: the process's environment, and a declaration of every setting beside the code that uses it ([`declare!`]). Out:
//! typed values, or one error that lists *every* setting that is missing or wrong, so that an operator fixes them in one
//! go. This is the only crate that reads the environment.
//!
//! The value of a setting `NAME` may be in a file instead: `NAME_FILE=/path`. Kubernetes mounts secrets this way.
//!
//! Every read returns a value or its faults. [`both`] joins two reads, and [`all`] any number, and they keep every fault. So no code has to
//! decide what a missing value without a fault means: it cannot be written.
//!
//! Not `config` or `figment`: they stop at the first fault. Not clap: it lists what is missing, but reports only the
//! first value that is wrong.

mod declare;
mod fault;
mod reader;
mod setting;

pub use fault::{Fault, SettingsError, all, both};
pub use reader::{Reader, Settings};
pub use setting::{Setting, SettingHelp, describe};

/// What [`declare!`] expands to. Not for other use.
#[doc(hidden)]
pub mod expansion {
    pub use std::time::Duration;

    pub use secrecy::SecretString;

    pub use crate::setting::{by_function, count, join, optional, parsed, within};
}
