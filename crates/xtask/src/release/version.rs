//! Versions: their form, the files that name them, and the order of releases. Pure: reads no file.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};
use serde_json::Value;

/// X.Y.Z. There are no pre-releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let numbers: Vec<u64> = text.split('.').map_while(|part| part.parse().ok()).collect();
        if let [major, minor, patch] = numbers[..] {
            let version = Self { major, minor, patch };
            // Refuses other spellings of numbers, such as 01.2.3 or +1.2.3.
            if version.to_string() == text {
                return Ok(version);
            }
        }
        bail!("{text:?} is not a version: write three numbers, such as 1.2.3")
    }
}

/// A file or key, and the version that it names.
pub(super) type Place = (String, String);

/// The chart's own version, and that of the image it deploys.
pub(super) fn in_chart(path: &str, text: &str) -> anyhow::Result<[Place; 2]> {
    let chart: Value = serde_saphyr::from_str(text).with_context(|| format!("{path} is not YAML"))?;
    let named = |key: &str| {
        let version = chart[key].as_str().with_context(|| format!("{path} has no {key}"))?;
        anyhow::Ok((format!("{path}: {key}"), version.to_owned()))
    };
    Ok([named("version")?, named("appVersion")?])
}

/// The version of the image's label when Docker builds it.
pub(super) fn in_dockerfile(path: &str, text: &str) -> anyhow::Result<Place> {
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("ARG VERSION="))
        .with_context(|| format!("{path} has no line ARG VERSION=…"))?;
    Ok((format!("{path}: ARG VERSION"), version.trim().to_owned()))
}

pub(super) fn require_everywhere(version: &Version, places: &[Place]) -> anyhow::Result<()> {
    let wanted = version.to_string();
    let different: Vec<String> = places
        .iter()
        .filter(|(_, named)| *named != wanted)
        .map(|(place, named)| format!("  {place} is {named}"))
        .collect();
    if !different.is_empty() {
        bail!("these differ from the version {wanted}; set them to it:\n{}", different.join("\n"));
    }
    Ok(())
}

/// Passes when `next` may follow `previous`: higher, and high enough for a breaking change.
pub(super) fn require_step(previous: Option<&Version>, next: &Version, breaking: bool) -> anyhow::Result<()> {
    let Some(previous) = previous else { return Ok(()) };
    if next <= previous {
        bail!("{next} is not above {previous}, the newest version of CHANGELOG.md");
    }
    // Before 1.0.0 the middle number counts breaking changes.
    let significant = |version: &Version| (version.major, if version.major == 0 { version.minor } else { 0 });
    if breaking && significant(next) == significant(previous) {
        let number = if previous.major == 0 { "second" } else { "first" };
        bail!("a fragment is breaking: after {previous}, {next} has to raise the {number} number");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: &str = "version: 0.1.0\nappVersion: \"0.1.1\"\n";

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_version_is_three_plain_numbers() {
        assert_eq!(version("10.20.3").to_string(), "10.20.3");
        for text in ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc.1", "01.2.3", "1.2.+3", "1..3"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_in_order_by_number_not_by_character() {
        assert!(version("0.10.0") > version("0.9.9"));
    }

    #[test]
    fn each_place_that_differs_is_named() {
        let mut places = in_chart("Chart.yaml", CHART).unwrap().to_vec();
        places.push(in_dockerfile("Dockerfile", "FROM x\nARG VERSION=0.2.0\n").unwrap());
        let error = require_everywhere(&version("0.1.0"), &places).unwrap_err().to_string();
        assert!(error.contains("Chart.yaml: appVersion is 0.1.1"), "{error}");
        assert!(error.contains("Dockerfile: ARG VERSION is 0.2.0"), "{error}");
        assert!(!error.contains("Chart.yaml: version"), "{error}");
        assert!(require_everywhere(&version("0.1.0"), &places[..1]).is_ok());
    }

    #[test]
    fn a_file_without_a_version_is_refused() {
        assert!(in_chart("Chart.yaml", "version: 0.1.0\n").unwrap_err().to_string().contains("appVersion"));
        assert!(in_dockerfile("Dockerfile", "FROM x\n").is_err());
    }

    #[test]
    fn a_version_must_rise_and_a_breaking_change_raises_the_right_number() {
        for (previous, next, breaking, allowed) in [
            ("0.1.0", "0.1.0", false, false),
            ("0.2.0", "0.1.9", false, false),
            ("0.1.0", "0.1.1", false, true),
            ("0.1.0", "0.1.1", true, false),
            ("0.1.0", "0.2.0", true, true),
            ("0.9.0", "1.0.0", true, true),
            ("1.2.3", "1.3.0", true, false),
            ("1.2.3", "1.3.0", false, true),
            ("1.2.3", "2.0.0", true, true),
        ] {
            let step = require_step(Some(&version(previous)), &version(next), breaking);
            assert_eq!(step.is_ok(), allowed, "{previous} to {next}, breaking: {breaking}");
        }
        assert!(require_step(None, &version("0.1.0"), true).is_ok());
    }
}
