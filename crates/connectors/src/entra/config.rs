//! How to reach a tenant, and the settings of its HTTP client.

use provider_http::{Auth, Codes, ConfigError, ProviderHttpConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::NAME;
use super::guid::guid;
use crate::Secret;

/// <https://learn.microsoft.com/graph/errors>, those that a read or a subscription can meet.
const CODES: Codes = Codes {
    pointer: "/error/code",
    listed: &[
        "BadRequest",
        "Directory_ExpiredPageToken",
        "ExtensionError",
        "InvalidRequest",
        "Request_BadRequest",
        "Request_ResourceNotFound",
        "Request_UnsupportedQuery",
        "resyncRequired",
        "syncStateInvalid",
        "syncStateNotFound",
        "UnknownError",
        "ValidationError",
    ],
};

/// The hosts of Graph, and those that issue tokens for them: <https://learn.microsoft.com/graph/deployments>.
const CLOUDS: [(&str, &[&str]); 4] = [
    ("graph.microsoft.com", &["login.microsoftonline.com"]),
    ("graph.microsoft.us", &["login.microsoftonline.us"]),
    ("dod-graph.microsoft.us", &["login.microsoftonline.us"]),
    ("microsoftgraph.chinacloudapi.cn", &["login.chinacloudapi.cn", "login.partner.microsoftonline.cn"]),
];

/// How to reach a tenant.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "EntraTable")]
pub struct EntraConfig {
    /// The tenant, as a GUID: notifications name it so.
    pub tenant_id: String,
    /// The registered application.
    pub client_id: String,
    /// How to authenticate.
    pub auth: EntraAuth,
    /// Which cloud.
    pub cloud: Cloud,
    /// Where Graph sends changes.
    pub notifications: Option<Notifications>,
}

/// Where Graph sends notifications, and what proves them.
#[derive(Debug, Clone)]
pub struct Notifications {
    /// The address of `webhook-ingress`.
    pub url: Url,
    /// What Graph repeats in each notification.
    pub secret: Secret,
}

/// Limit of a reply. A page of 999 IDs is far below it, one of the delta query need not be.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EntraTable {
    /// The tenant, as a GUID.
    tenant_id: String,
    /// Registered application with the app role `User.Read.All`.
    client_id: String,
    /// Its secret, if it has no certificate.
    client_secret: Option<Secret>,
    /// Private key of its certificate, as PEM.
    private_key: Option<Secret>,
    /// Its certificate, as PEM.
    certificate: Option<String>,
    /// Microsoft Graph of the cloud. Left out: `https://graph.microsoft.com`.
    graph_url: Option<Url>,
    /// Server that issues tokens in the same cloud. Left out: `https://login.microsoftonline.com`.
    login_url: Option<Url>,
    /// Where Graph sends changes: `https://<your host>/webhooks/<source>`. `resync-enqueuer` keeps a subscription for it, with each
    /// run of the kind `changes`. Left out: Graph sends none, or a subscription that you keep yourself.
    notification_url: Option<Url>,
    /// What Graph repeats in each notification: one of `webhook_secrets`. Goes with `notification_url`.
    notification_secret: Option<Secret>,
}

impl TryFrom<EntraTable> for EntraConfig {
    type Error = &'static str;

    fn try_from(table: EntraTable) -> Result<Self, Self::Error> {
        let EntraTable {
            tenant_id,
            client_id,
            client_secret,
            private_key,
            certificate,
            graph_url,
            login_url,
            notification_url,
            notification_secret,
        } = table;
        // Neither way is the default: neither way, half of one, or both are faults.
        let auth = match (client_secret, private_key, certificate) {
            (Some(secret), None, None) => EntraAuth::Secret(secret),
            (None, Some(private_key), Some(certificate)) => {
                EntraAuth::Certificate { private_key, certificate }
            }
            (Some(_), _, _) => {
                return Err(
                    "client_secret is set together with a certificate: leave out client_secret, or private_key and certificate",
                );
            }
            (None, Some(_), None) => return Err("private_key needs certificate"),
            (None, None, Some(_)) => return Err("certificate needs private_key"),
            (None, None, None) => return Err("set client_secret, or private_key and certificate"),
        };
        let url = |given: Option<Url>, usual: &str| given.map_or_else(|| Url::parse(usual), Ok);
        let graph = url(graph_url, "https://graph.microsoft.com").map_err(|_| "graph_url is no URL")?;
        let login = url(login_url, "https://login.microsoftonline.com").map_err(|_| "login_url is no URL")?;
        let tenant_id = guid(&tenant_id).ok_or("tenant_id is not a GUID")?;
        let notifications = match (notification_url, notification_secret) {
            (Some(url), Some(secret)) => Some(Notifications { url, secret }),
            (None, None) => None,
            (Some(_), None) => return Err("notification_url needs notification_secret"),
            (None, Some(_)) => return Err("notification_secret needs notification_url"),
        };
        Ok(Self { tenant_id, client_id, auth, cloud: Cloud::new(graph, login)?, notifications })
    }
}

impl JsonSchema for EntraConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EntraConfig".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        EntraTable::json_schema(generator)
    }
}

/// How the application authenticates.
#[derive(Debug, Clone)]
pub enum EntraAuth {
    /// A client secret.
    Secret(Secret),
    /// A certificate, <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.
    Certificate {
        /// Its private key, as PEM.
        private_key: Secret,
        /// The certificate, as PEM.
        certificate: String,
    },
}

/// The addresses of a national cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    graph: Url,
    login: Url,
}

impl Cloud {
    /// Graph and the server that issues its tokens. Addresses that are not Microsoft's fit each other.
    ///
    /// # Errors
    /// When the two are of different clouds.
    pub fn new(graph: Url, login: Url) -> Result<Self, &'static str> {
        let host = |url: &Url| url.host_str().unwrap_or_default().to_owned();
        let (graph_host, login_host) = (host(&graph), host(&login));
        let of_graph = |(known, logins): &(&str, &[&str])| {
            (*known == graph_host).then(|| logins.contains(&login_host.as_str()))
        };
        let of_login = |(_, logins): &(&str, &[&str])| logins.contains(&login_host.as_str());
        let fits = CLOUDS.iter().find_map(of_graph).unwrap_or_else(|| !CLOUDS.iter().any(of_login));
        if fits { Ok(Self { graph, login }) } else { Err("login_url is of another cloud than graph_url") }
    }
}

impl EntraConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let within =
            |base: &Url, path: &str| base.join(path).map_err(|_| ConfigError::BaseUrl { upstream: NAME });
        let Self { tenant_id, client_id, auth, cloud: Cloud { graph, login }, .. } = self;
        let token_url = within(&login, &format!("/{tenant_id}/oauth2/v2.0/token"))?;
        let scope = within(&graph, "/.default")?.to_string();
        let auth = match auth {
            EntraAuth::Secret(client_secret) => Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret: client_secret.0,
                audience: None,
                scope: Some(scope),
                in_header: false,
            },
            EntraAuth::Certificate { private_key, certificate } => Auth::PrivateKeyJwt {
                token_url,
                client_id,
                key_pem: private_key.0,
                certificate_pem: Some(certificate),
                scope,
            },
        };
        let mut http = ProviderHttpConfig::new(NAME, within(&graph, "/v1.0/")?, auth);
        http.max_body_bytes = MAX_BODY_BYTES;
        http.codes = Some(CODES);
        Ok(http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(graph: &str, login: &str) -> Result<Cloud, &'static str> {
        Cloud::new(graph.parse().unwrap(), login.parse().unwrap())
    }

    #[test]
    fn graph_and_its_login_are_of_one_cloud() {
        let global = ("https://graph.microsoft.com", "https://login.microsoftonline.com");
        let us = ("https://graph.microsoft.us", "https://login.microsoftonline.us");
        let dod = ("https://dod-graph.microsoft.us/", us.1);
        let china = ("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn");
        let own = ("http://127.0.0.1:9", "http://127.0.0.1:9");
        for (graph, login) in [global, us, dod, china, own] {
            assert!(cloud(graph, login).is_ok(), "{graph} {login}");
        }
        for (graph, login) in [
            (global.0, us.1),
            (us.0, global.1),
            (china.0, global.1),
            (global.0, own.1),
            (own.0, global.1),
            (own.0, china.1),
        ] {
            assert!(cloud(graph, login).is_err(), "{graph} {login}");
        }
    }

    #[test]
    fn a_token_is_requested_at_the_tenant_for_the_cloud_s_graph() {
        let config = EntraConfig {
            tenant_id: "t1".into(),
            client_id: "c".into(),
            auth: EntraAuth::Secret("s".into()),
            cloud: cloud("https://graph.microsoft.us", "https://login.microsoftonline.us").unwrap(),
            notifications: None,
        };
        let http = config.http().unwrap();
        assert_eq!(http.base_url.as_str(), "https://graph.microsoft.us/v1.0/");
        let Auth::ClientCredentials { token_url, scope, .. } = http.auth else { panic!("a secret") };
        assert_eq!(token_url.as_str(), "https://login.microsoftonline.us/t1/oauth2/v2.0/token");
        assert_eq!(scope.as_deref(), Some("https://graph.microsoft.us/.default"));
    }
}
