//! Settings of Okta: an organization, and one of two ways to authenticate.
//!
//! Neither way is the default, so each setting alone is optional. Neither way, half of one, or both are faults.

use std::convert::Infallible;
use std::str::FromStr;

use ::settings::{Reader, Setting};
use secrecy::{ExposeSecret, SecretString};

use crate::{OktaAuth, OktaConfig};

pub(crate) const URL: Setting =
    Setting::required("COPPICE_OKTA_URL", "the organization, as https://org.okta.com (provider okta)");
pub(crate) const API_TOKEN: Setting = Setting::with_default(
    "COPPICE_OKTA_API_TOKEN",
    "",
    "API token, unless there is a service app (provider okta)",
);
pub(crate) const CLIENT_ID: Setting = Setting::with_default(
    "COPPICE_OKTA_CLIENT_ID",
    "",
    "service app with scopes okta.users.read and okta.logs.read, without proof of possession (provider okta)",
);
pub(crate) const PRIVATE_KEY: Setting =
    Setting::with_default("COPPICE_OKTA_PRIVATE_KEY", "", "its private key, as PEM (provider okta)");

pub(crate) fn read(reader: &mut Reader) -> Option<OktaConfig> {
    let url = reader.read(URL);
    let auth = read_auth(reader);
    Some(OktaConfig { org_url: url?, auth: auth? })
}

fn read_auth(reader: &mut Reader) -> Option<OktaAuth> {
    let token = reader.secret(API_TOKEN).map(given);
    let client_id: Option<String> = reader.read(CLIENT_ID);
    let key = reader.secret(PRIVATE_KEY).map(given);
    // A setting that cannot be read is a fault already, and must not cause a second one.
    let (token, client_id, key) = (token?, client_id?, key?);
    match (token, !client_id.is_empty() || key.is_some()) {
        (Some(token), false) => Some(OktaAuth::ApiToken(token)),
        (Some(_), true) => refuse_both(reader, API_TOKEN),
        (None, true) => read_service_app(reader),
        (None, false) => reader.secret(required(API_TOKEN)).map(OktaAuth::ApiToken),
    }
}

fn read_service_app(reader: &mut Reader) -> Option<OktaAuth> {
    let (client_id, key_pem) = (reader.read(required(CLIENT_ID)), reader.secret(required(PRIVATE_KEY)));
    Some(OktaAuth::PrivateKey { client_id: client_id?, key_pem: key_pem? })
}

fn refuse_both(reader: &mut Reader, setting: Setting) -> Option<OktaAuth> {
    reader.read::<NotBoth>(setting).map(|NotBoth(never)| match never {})
}

/// A value that can never be parsed. By its error the reader gets a fault that we choose, since it records only its own.
struct NotBoth(Infallible);

impl FromStr for NotBoth {
    type Err = &'static str;

    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Err("unset it or the service app")
    }
}

fn given(secret: SecretString) -> Option<SecretString> {
    Some(secret).filter(|secret| !secret.expose_secret().is_empty())
}

fn required(setting: Setting) -> Setting {
    Setting { default: None, ..setting }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SSO_SETTINGS, SsoSettings};

    /// What is read, and the names of the settings that are wrong.
    fn outcome(variables: &[(&str, &str)]) -> (Option<SsoSettings>, Vec<&'static str>) {
        let common = [("COPPICE_SSO_PROVIDER", "okta")];
        let variables = common.iter().chain(variables);
        let owned = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut reader = Reader::from_variables(owned);
        let read = SsoSettings::read(&mut reader);
        let faults = reader.finish().err().map_or(Vec::new(), |error| error.faults);
        (read, faults.iter().map(|fault| fault.name).collect())
    }

    type Given = &'static [(&'static str, &'static str)];
    type Names = &'static [&'static str];

    const ORG: (&str, &str) = ("COPPICE_OKTA_URL", "https://bayside.okta.example");
    const TOKEN: (&str, &str) = ("COPPICE_OKTA_API_TOKEN", "hunter2");
    const APP: (&str, &str) = ("COPPICE_OKTA_CLIENT_ID", "0oaBayside");
    const KEY: (&str, &str) = ("COPPICE_OKTA_PRIVATE_KEY", "hunter3");

    #[test]
    fn either_way_alone_is_enough() {
        for given in [&[ORG, TOKEN][..], &[ORG, APP, KEY]] {
            let (read, faults) = outcome(given);
            let text = format!("{:?}", read.unwrap());
            assert!(faults.is_empty() && !text.contains("hunter"), "{text}");
        }
    }

    #[test]
    fn none_half_and_both_are_faults_and_all_are_listed() {
        let cases: [(Given, Names); 5] = [
            (&[], &["COPPICE_OKTA_URL", "COPPICE_OKTA_API_TOKEN"]),
            (&[ORG, APP], &["COPPICE_OKTA_PRIVATE_KEY"]),
            (&[KEY], &["COPPICE_OKTA_URL", "COPPICE_OKTA_CLIENT_ID"]),
            (&[ORG, TOKEN, APP, KEY], &["COPPICE_OKTA_API_TOKEN"]),
            (
                &[ORG, TOKEN, KEY, ("COPPICE_SSO_TIMEOUT_SECS", "0")],
                &["COPPICE_SSO_TIMEOUT_SECS", "COPPICE_OKTA_API_TOKEN"],
            ),
        ];
        for (given, expected) in cases {
            let (read, faults) = outcome(given);
            assert!(read.is_none());
            assert_eq!(faults, expected, "{given:?}");
        }
    }

    #[test]
    fn every_setting_is_listed_for_help() {
        for (name, _) in [ORG, TOKEN, APP, KEY] {
            assert!(SSO_SETTINGS.iter().any(|setting| setting.name == name), "{name}");
        }
    }
}
