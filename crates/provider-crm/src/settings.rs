//! Which CRM, and how to reach it, from the environment. For every unit that calls one.

use std::str::FromStr;
use std::time::Duration;

use ::settings::{Reader, Setting};
use provider_http::{Admission, ConfigError};
use url::Url;

use crate::crm_client::{Choice, ProviderName};
use crate::{CrmClient, SalesforceAuth, SalesforceConfig};

const PROVIDER: Setting = Setting::with_default("COPPICE_CRM_PROVIDER", "salesforce", "the CRM: salesforce");
const TIMEOUT: Setting =
    Setting::with_default("COPPICE_CRM_TIMEOUT_SECS", "15", "longest wait for one answer of the CRM");
const LONGEST_PAUSE: Setting = Setting::with_default(
    "COPPICE_CRM_LONGEST_PAUSE_SECS",
    "900",
    "when the CRM's quota is used up, how long at most until it is asked again",
);
const URL: Setting =
    Setting::required("COPPICE_SALESFORCE_URL", "the organisation, as https://my-domain.my.salesforce.com");
const LOGIN_URL: Setting = Setting::with_default(
    "COPPICE_SALESFORCE_LOGIN_URL",
    "",
    "where tokens are given out, where it is not COPPICE_SALESFORCE_URL",
);
const CLIENT_ID: Setting =
    Setting::required("COPPICE_SALESFORCE_CLIENT_ID", "consumer key of the connected app");
const FLOW: Setting = Setting::with_default(
    "COPPICE_SALESFORCE_FLOW",
    "client-credentials",
    "how the connected app proves who it is: client-credentials or jwt-bearer",
);
const CLIENT_SECRET: Setting =
    Setting::required("COPPICE_SALESFORCE_CLIENT_SECRET", "consumer secret (flow client-credentials)");
const PRIVATE_KEY: Setting = Setting::required(
    "COPPICE_SALESFORCE_PRIVATE_KEY",
    "RSA private key as PEM, whose certificate the connected app has (flow jwt-bearer)",
);
const USERNAME: Setting =
    Setting::required("COPPICE_SALESFORCE_USERNAME", "the user to act for (flow jwt-bearer)");
const AUDIENCE: Setting = Setting::with_default(
    "COPPICE_SALESFORCE_AUDIENCE",
    "https://login.salesforce.com",
    "audience; https://test.salesforce.com for a sandbox (flow jwt-bearer)",
);

/// All of them, for `--help` and the documentation.
pub const CRM_SETTINGS: &[Setting] = &[
    PROVIDER,
    TIMEOUT,
    LONGEST_PAUSE,
    URL,
    LOGIN_URL,
    CLIENT_ID,
    FLOW,
    CLIENT_SECRET,
    PRIVATE_KEY,
    USERNAME,
    AUDIENCE,
];

/// The chosen CRM's settings.
#[derive(Debug, Clone)]
pub struct CrmSettings {
    choice: Choice,
    timeout: Duration,
    longest_pause: Duration,
}

impl CrmSettings {
    /// Reads the chosen CRM's settings. `None` if one is missing or wrong; the reader keeps which, and why.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let provider = reader.read::<ProviderName>(PROVIDER);
        let timeout = reader.read_within(TIMEOUT, 1, 25).map(Duration::from_secs);
        let longest_pause = reader.read_within(LONGEST_PAUSE, 1, 3600).map(Duration::from_secs);
        let url = reader.read::<Url>(URL);
        let login_url = reader.read::<UrlOrNone>(LOGIN_URL);
        let auth = read_auth(reader);
        let choice = match provider? {
            ProviderName::Salesforce => {
                let url = url?;
                let login_url = login_url?.0.unwrap_or_else(|| url.clone());
                Choice::Salesforce(SalesforceConfig::new(login_url, url, auth?))
            }
        };
        Some(Self { choice, timeout: timeout?, longest_pause: longest_pause? })
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When a URL is not a web address, or a key is no key.
    pub fn connect(self) -> Result<CrmClient, ConfigError> {
        self.connect_with(None)
    }

    /// The same, but each request waits for an admission.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_within(self, budget: Admission) -> Result<CrmClient, ConfigError> {
        self.connect_with(Some(budget))
    }

    fn connect_with(self, admission: Option<Admission>) -> Result<CrmClient, ConfigError> {
        self.choice.connect(|limits| {
            limits.timeout = self.timeout;
            limits.longest_pause = self.longest_pause;
            limits.admission = admission;
        })
    }
}

fn read_auth(reader: &mut Reader) -> Option<SalesforceAuth> {
    let client_id = reader.read(CLIENT_ID);
    match reader.read::<Flow>(FLOW)? {
        Flow::ClientCredentials => {
            let client_secret = reader.secret(CLIENT_SECRET);
            Some(SalesforceAuth::ClientCredentials { client_id: client_id?, client_secret: client_secret? })
        }
        Flow::JwtBearer => {
            let (key_pem, username) = (reader.secret(PRIVATE_KEY), reader.read(USERNAME));
            let audience = reader.read(AUDIENCE);
            Some(SalesforceAuth::JwtBearer {
                client_id: client_id?,
                username: username?,
                audience: audience?,
                key_pem: key_pem?,
            })
        }
    }
}

enum Flow {
    ClientCredentials,
    JwtBearer,
}

impl FromStr for Flow {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "client-credentials" => Ok(Self::ClientCredentials),
            "jwt-bearer" => Ok(Self::JwtBearer),
            _ => Err("must be client-credentials or jwt-bearer"),
        }
    }
}

struct UrlOrNone(Option<Url>);

impl FromStr for UrlOrNone {
    type Err = url::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(Some).map(Self) }
    }
}
