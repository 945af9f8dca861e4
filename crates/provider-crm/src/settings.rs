//! Which CRM, and how to reach it, from the environment: for every unit that calls one.

use std::str::FromStr;
use std::time::Duration;

use ::settings::{Reader, SettingsError, both};
use provider_http::{Admission, ConfigError};
use secrecy::SecretString;
use url::Url;

use crate::crm_client::{Choice, ProviderName};
use crate::{CrmClient, HubSpotConfig, SalesforceAuth, SalesforceConfig, salesforce};

::settings::declare! {
    /// The chosen CRM's settings.
    #[derive(Debug, Clone)]
    pub struct CrmSettings;

    PROVIDER: ProviderName = "COPPICE_CRM_PROVIDER" [default "salesforce"] "the CRM: salesforce or hubspot";
    TIMEOUT: Duration = "COPPICE_CRM_TIMEOUT_SECS" [default "15", seconds 1..=25]
        "longest wait for one answer of the CRM" => timeout;
    MAX_BODY_BYTES: usize = "COPPICE_CRM_MAX_BODY_BYTES" [default "8388608", within 65_536..=268_435_456]
        "largest answer of the CRM that is read, in bytes" => max_body_bytes;
    PLAIN_HTTP: bool = "COPPICE_CRM_PLAIN_HTTP" [default "false"]
        "true allows http:// to another machine; use it only if something else encrypts, such as a service mesh" => plain_http;
    LONGEST_PAUSE: Duration = "COPPICE_CRM_LONGEST_PAUSE_SECS" [default "900", seconds 1..=3600]
        "longest pause after the CRM's quota is used up" => longest_pause;
    URL: Url = "COPPICE_SALESFORCE_URL" [required]
        "the organization, as https://my-domain.my.salesforce.com (provider salesforce)";
    LOGIN_URL: Option<Url> = "COPPICE_SALESFORCE_LOGIN_URL" [default "", optional]
        "where to request tokens, if not at COPPICE_SALESFORCE_URL";
    CLIENT_ID: String = "COPPICE_SALESFORCE_CLIENT_ID" [required] "consumer key of the connected app (provider salesforce)";
    FLOW: Flow = "COPPICE_SALESFORCE_FLOW" [default "client-credentials"]
        "how the connected app proves who it is: client-credentials or jwt-bearer";
    CLIENT_SECRET: SecretString = "COPPICE_SALESFORCE_CLIENT_SECRET" [required, secret]
        "consumer secret (flow client-credentials)";
    PRIVATE_KEY: SecretString = "COPPICE_SALESFORCE_PRIVATE_KEY" [required, secret]
        "RSA private key as PEM, whose certificate the connected app has (flow jwt-bearer)";
    USERNAME: String = "COPPICE_SALESFORCE_USERNAME" [required] "the user to act for (flow jwt-bearer)";
    AUDIENCE: String = "COPPICE_SALESFORCE_AUDIENCE" [default "https://login.salesforce.com"]
        "audience; https://test.salesforce.com for a sandbox (flow jwt-bearer)";
    ORGANIZATION: Option<String> = "COPPICE_SALESFORCE_ORGANIZATION" [default "", optional parse parse_organization]
        "the organization's ID, 00D…, to dead-letter events of any other, such as a sandbox's";
    list HubSpotConfig;
    choice: Choice = by read_choice;
}

impl CrmSettings {
    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When a URL is not a web address, or a key is no key.
    pub fn connect(self) -> Result<CrmClient, ConfigError> {
        self.connect_with(None)
    }

    /// The same, but each request waits for an admission.
    pub fn connect_within(self, budget: Admission) -> Result<CrmClient, ConfigError> {
        self.connect_with(Some(budget))
    }

    fn connect_with(self, admission: Option<Admission>) -> Result<CrmClient, ConfigError> {
        self.choice.connect(|limits| {
            limits.timeout = self.timeout;
            limits.max_body_bytes = self.max_body_bytes;
            limits.max_body_setting = MAX_BODY_BYTES.name;
            limits.plain_http = self.plain_http;
            limits.longest_pause = self.longest_pause;
            limits.admission = admission;
        })
    }
}

fn parse_organization(text: &str) -> Result<String, &'static str> {
    if salesforce::is_organization_id(text) {
        Ok(text.to_owned())
    } else {
        Err("must be the ID of an organization, 00D…")
    }
}

fn read_choice(reader: &Reader) -> Result<Choice, SettingsError> {
    match reader.read(PROVIDER)? {
        ProviderName::Salesforce => read_salesforce(reader).map(Choice::Salesforce),
        ProviderName::HubSpot => reader.load().map(Choice::HubSpot),
    }
}

fn read_salesforce(reader: &Reader) -> Result<SalesforceConfig, SettingsError> {
    let urls = both(reader.read(URL), reader.read(LOGIN_URL));
    let from = both(urls, reader.read(ORGANIZATION));
    let (((url, login_url), organization), auth) = both(from, read_auth(reader))?;
    let login_url = login_url.unwrap_or_else(|| url.clone());
    Ok(SalesforceConfig { organization, ..SalesforceConfig::new(login_url, url, auth) })
}

fn read_auth(reader: &Reader) -> Result<SalesforceAuth, SettingsError> {
    let client_id = reader.read(CLIENT_ID);
    match reader.read(FLOW) {
        Ok(Flow::ClientCredentials) => {
            let (client_id, client_secret) = both(client_id, reader.read(CLIENT_SECRET))?;
            Ok(SalesforceAuth::ClientCredentials { client_id, client_secret })
        }
        Ok(Flow::JwtBearer) => {
            let user = both(reader.read(USERNAME), reader.read(AUDIENCE));
            let (client_id, (key_pem, (username, audience))) =
                both(client_id, both(reader.read(PRIVATE_KEY), user))?;
            Ok(SalesforceAuth::JwtBearer { client_id, username, audience, key_pem })
        }
        Err(fault) => both(client_id, Err(fault)).map(|(_, auth)| auth),
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
