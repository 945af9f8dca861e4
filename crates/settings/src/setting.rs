//! One setting: its name, its meaning, its default, and how its text becomes a value.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::{Fault, SettingsError};

/// One environment variable, and the type of its value. Made by [`declare!`](crate::declare!).
pub struct Setting<T> {
    /// The variable's name.
    pub name: &'static str,
    /// What it means, with its unit, as a sentence fragment.
    pub meaning: &'static str,
    /// The text that is used when the variable is not set. `None`: it has to be set.
    pub default: Option<&'static str>,
    pub(crate) parse: fn(&str) -> Result<T, String>,
}

/// What `--help` says of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingHelp {
    /// As in [`Setting`].
    pub name: &'static str,
    /// As in [`Setting`].
    pub meaning: &'static str,
    /// As in [`Setting`].
    pub default: Option<&'static str>,
}

impl<T> Setting<T> {
    /// A setting whose text `parse` turns into a value, or says what is wrong with it.
    pub const fn new(
        name: &'static str,
        default: Option<&'static str>,
        meaning: &'static str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Self {
        Self { name, meaning, default, parse }
    }

    /// What `--help` says of it.
    pub const fn help(&self) -> SettingHelp {
        SettingHelp { name: self.name, meaning: self.meaning, default: self.default }
    }

    /// The error that says what is wrong with this setting.
    pub fn fault(&self, problem: impl Into<String>) -> SettingsError {
        SettingsError::from(Fault {
            name: self.name.into(),
            meaning: self.meaning.into(),
            problem: problem.into(),
        })
    }

    /// The error of a setting that has to be set here, although it has a default.
    pub fn is_not_set(&self) -> SettingsError {
        self.fault("is not set")
    }
}

impl<T> Clone for Setting<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Setting<T> {}

impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.help().fmt(f)
    }
}

/// Text for `--help`: every setting with its meaning and default.
pub fn describe(settings: &[SettingHelp]) -> String {
    let mut text = String::from("Settings (environment variables; NAME_FILE reads the value from a file):\n");
    for SettingHelp { name, meaning, default } in settings {
        let default = match default {
            None => String::from("required"),
            Some("") => String::from("optional"),
            Some(value) => format!("default {value}"),
        };
        text.push_str(&format!("  {name}\n      {meaning} [{default}]\n"));
    }
    text
}

/// By the type's own `FromStr`.
pub fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    by_function(str::parse, text)
}

/// The function's error has to be free of the text.
pub fn by_function<T, E: Display>(parse: impl FnOnce(&str) -> Result<T, E>, text: &str) -> Result<T, String> {
    parse(text).map_err(|error| format!("cannot be used: {error}"))
}

/// No value for an empty text.
pub fn optional<T>(parse: fn(&str) -> Result<T, String>, text: &str) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// A number within bounds, both included.
pub fn within<T>(text: &str, bounds: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr<Err: Display> + PartialOrd + Display,
{
    let problem = || format!("must be a whole number from {} to {}", bounds.start(), bounds.end());
    let value = text.parse().map_err(|_| problem())?;
    if bounds.contains(&value) { Ok(value) } else { Err(problem()) }
}

/// How many settings the lists hold together.
pub const fn count(lists: &[&[SettingHelp]]) -> usize {
    let (mut sum, mut list) = (0, 0);
    while list < lists.len() {
        sum += lists[list].len();
        list += 1;
    }
    sum
}

/// The lists one after the other. `N` is their [`count`]: a constant cannot hold a `Vec`.
pub const fn join<const N: usize>(lists: &[&[SettingHelp]]) -> [SettingHelp; N] {
    let mut all = [SettingHelp { name: "", meaning: "", default: None }; N];
    let (mut list, mut next) = (0, 0);
    while list < lists.len() {
        let mut place = 0;
        while place < lists[list].len() {
            all[next] = lists[list][place];
            next += 1;
            place += 1;
        }
        list += 1;
    }
    all
}
