//! Settings of Microsoft Entra ID: a tenant, an application with one of two ways to authenticate, and a cloud.

use ::settings::{Reader, SettingsError, both};
use secrecy::SecretString;
use url::Url;

use super::guid::guid;
use crate::{Cloud, EntraAuth, EntraConfig};

::settings::declare! {
    impl EntraConfig;

    pub(crate) TENANT_ID: String = "COPPICE_ENTRA_TENANT_ID" [required, parse tenant_id]
        "the tenant, as a GUID (provider entra)" => tenant_id;
    CLIENT_ID: String = "COPPICE_ENTRA_CLIENT_ID" [required]
        "registered application with the app role User.Read.All, and AuditLog.Read.All for sign-ins (provider entra)" => client_id;
    CLIENT_SECRET: Option<SecretString> = "COPPICE_ENTRA_CLIENT_SECRET" [default "", optional secret]
        "its secret, if it has no certificate (provider entra)";
    PRIVATE_KEY: Option<SecretString> = "COPPICE_ENTRA_PRIVATE_KEY" [default "", optional secret]
        "private key of its certificate, as PEM (provider entra)";
    CERTIFICATE: Option<String> = "COPPICE_ENTRA_CERTIFICATE" [default "", optional]
        "its certificate, as PEM (provider entra)";
    GRAPH_URL: Url = "COPPICE_ENTRA_GRAPH_URL" [default "https://graph.microsoft.com"]
        "Microsoft Graph of the cloud (provider entra)";
    LOGIN_URL: Url = "COPPICE_ENTRA_LOGIN_URL" [default "https://login.microsoftonline.com"]
        "server that issues tokens in the same cloud (provider entra)";
    auth: EntraAuth = by read_auth;
    cloud: Cloud = by read_cloud;
}

fn tenant_id(text: &str) -> Result<String, &'static str> {
    guid(text).ok_or("is not a GUID")
}

fn read_auth(reader: &Reader) -> Result<EntraAuth, SettingsError> {
    let certificate = both(reader.read(PRIVATE_KEY), reader.read(CERTIFICATE));
    // Neither way is the default: neither way, half of one, or both are faults.
    match both(reader.read(CLIENT_SECRET), certificate)? {
        (Some(secret), (None, None)) => Ok(EntraAuth::Secret(secret)),
        (Some(_), _) => Err(CLIENT_SECRET.fault(
            "is set together with a certificate: unset it, or COPPICE_ENTRA_PRIVATE_KEY and COPPICE_ENTRA_CERTIFICATE",
        )),
        (None, (Some(key_pem), Some(certificate_pem))) => {
            Ok(EntraAuth::Certificate { key_pem, certificate_pem })
        }
        (None, (Some(_), None)) => Err(CERTIFICATE.is_not_set()),
        (None, (None, Some(_))) => Err(PRIVATE_KEY.is_not_set()),
        (None, (None, None)) => Err(CLIENT_SECRET.fault(
            "is not set: set it, or both COPPICE_ENTRA_PRIVATE_KEY and COPPICE_ENTRA_CERTIFICATE",
        )),
    }
}

fn read_cloud(reader: &Reader) -> Result<Cloud, SettingsError> {
    let (graph, login) = both(reader.read(GRAPH_URL), reader.read(LOGIN_URL))?;
    Cloud::new(graph, login).map_err(|problem| LOGIN_URL.fault(problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SsoSettings;

    type Given = [(&'static str, &'static str)];

    /// What is read, and the names of the settings that are wrong.
    fn outcome(variables: &Given) -> (Option<SsoSettings>, Vec<&'static str>) {
        let variables = [("COPPICE_SSO_PROVIDER", "entra")].iter().chain(variables).copied();
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        match Reader::from_variables(owned.collect::<Vec<_>>()).load() {
            Ok(settings) => (Some(settings), Vec::new()),
            Err(error) => (None, error.faults().iter().map(|fault| fault.name).collect()),
        }
    }

    const TENANT: (&str, &str) = ("COPPICE_ENTRA_TENANT_ID", "9F4C31D2-0b1a-4c6e-8f57-2d90a1b3c4e5");
    const APP: (&str, &str) = ("COPPICE_ENTRA_CLIENT_ID", "11aa");
    const SECRET: (&str, &str) = ("COPPICE_ENTRA_CLIENT_SECRET", "hunter2");
    const KEY: (&str, &str) = ("COPPICE_ENTRA_PRIVATE_KEY", "hunter3");
    const CERTIFICATE: (&str, &str) = ("COPPICE_ENTRA_CERTIFICATE", "pem");

    #[test]
    fn either_way_alone_is_enough_and_the_global_cloud_is_the_default() {
        for given in [&[TENANT, APP, SECRET][..], &[TENANT, APP, KEY, CERTIFICATE]] {
            let (read, faults) = outcome(given);
            let text = format!("{:?}", read.unwrap());
            assert!(faults.is_empty() && !text.contains("hunter"), "{text}");
            assert!(text.contains("graph.microsoft.com") && text.contains("login.microsoftonline.com"));
            assert!(text.contains("9f4c31d2-"), "{text}");
        }
    }

    #[test]
    fn every_fault_is_listed_at_once() {
        let cases: [(&Given, &[&str]); 7] = [
            (&[], &["COPPICE_ENTRA_TENANT_ID", "COPPICE_ENTRA_CLIENT_ID", "COPPICE_ENTRA_CLIENT_SECRET"]),
            (&[TENANT, APP, KEY], &["COPPICE_ENTRA_CERTIFICATE"]),
            (&[TENANT, APP, CERTIFICATE], &["COPPICE_ENTRA_PRIVATE_KEY"]),
            (&[TENANT, APP, SECRET, KEY, CERTIFICATE], &["COPPICE_ENTRA_CLIENT_SECRET"]),
            (&[("COPPICE_ENTRA_TENANT_ID", "bayside.example"), APP, SECRET], &["COPPICE_ENTRA_TENANT_ID"]),
            (
                &[TENANT, APP, SECRET, ("COPPICE_ENTRA_GRAPH_URL", "https://graph.microsoft.us")],
                &["COPPICE_ENTRA_LOGIN_URL"],
            ),
            (
                &[APP, SECRET, ("COPPICE_ENTRA_LOGIN_URL", "https://login.microsoftonline.us")],
                &["COPPICE_ENTRA_TENANT_ID", "COPPICE_ENTRA_LOGIN_URL"],
            ),
        ];
        for (given, expected) in cases {
            let (read, faults) = outcome(given);
            assert!(read.is_none());
            assert_eq!(faults, expected, "{given:?}");
        }
    }
}
