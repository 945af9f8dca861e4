//! What a database URL says: the server, how its certificate is checked, and whether a pooler shares its sessions.
//!
//! In: the URL. Out: the driver's options. A URL that names another machine and says nothing about TLS means `verify-full`: the
//! driver's own default accepts every certificate, and no certificate at all. The driver reads `PGSSLROOTCERT` and the other
//! variables of libpq: <https://www.postgresql.org/docs/current/libpq-envars.html>.

use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::StoreError;

/// Whether each connection has a session of the server to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Yes: there is no pooler, or it is in session mode.
    Session,
    /// A pooler gives each transaction any session: nothing of a session outlives a transaction.
    Transaction,
}

/// How to reach the database.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) options: PgConnectOptions,
    pub(crate) pooling: Pooling,
}

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
const POOLING: &str = "pooling";

/// The driver's parameters. It ignores others, a misspelled `sslmode` too.
const PARAMETERS: [&str; 15] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "application_name",
    POOLING,
];

/// No error quotes the URL or a part of it: it contains the password.
fn refused(why: &str) -> StoreError {
    StoreError::Url(why.to_owned())
}

impl Address {
    /// # Errors
    /// [`StoreError::Url`] says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        const FORM: &str = "it is not of the form postgres://user:password@host:port/database; special characters in user and \
                            password are written as in %40 for @";
        let mut url = Url::parse(text).map_err(|_| refused(FORM))?;
        // The driver accepts any scheme and would connect to whatever it reads from the rest.
        if !SCHEMES.contains(&url.scheme()) || url.cannot_be_a_base() {
            return Err(refused(FORM));
        }
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if parameters.iter().any(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
            return Err(refused(&format!(
                "it has an unknown parameter; known are {}",
                PARAMETERS.join(", ")
            )));
        }
        let pooling = match parameters.iter().find(|(name, _)| name == POOLING).map(|(_, mode)| mode.as_str())
        {
            None | Some("session") => Pooling::Session,
            Some("transaction") => Pooling::Transaction,
            Some(_) => return Err(refused("pooling is session or transaction")),
        };
        url.query_pairs_mut().clear().extend_pairs(parameters.iter().filter(|(name, _)| name != POOLING));
        let options: PgConnectOptions = url.as_str().parse().map_err(|_| {
            refused(
                "a parameter has no valid value; sslmode is disable, prefer, require, verify-ca or verify-full",
            )
        })?;
        let chosen = parameters.iter().any(|(name, _)| matches!(name.as_str(), "sslmode" | "ssl-mode"));
        let options = match options.get_ssl_mode() {
            // The driver's default.
            PgSslMode::Prefer if !chosen && !is_here(&options) => options.ssl_mode(PgSslMode::VerifyFull),
            // The driver treats it as `disable`, although libpq tries TLS second.
            PgSslMode::Allow => return Err(refused("sslmode=allow is not supported: use disable or prefer")),
            _ => options,
        };
        // A start-up parameter that a pooler would refuse; no query reads floats as text.
        let options = options.application_name("coppice").extra_float_digits(None);
        Ok(Self { options, pooling })
    }

    /// How the connection is protected, in words for an operator.
    pub(crate) fn tls(&self) -> &'static str {
        match self.options.get_ssl_mode() {
            PgSslMode::Disable | PgSslMode::Allow => "no TLS (sslmode=disable)",
            PgSslMode::Prefer if is_here(&self.options) => "TLS if offered, on this machine",
            PgSslMode::Prefer => "TLS if offered, certificate not checked (sslmode=prefer)",
            PgSslMode::Require => "TLS, certificate not checked (sslmode=require)",
            PgSslMode::VerifyCa => "TLS, authority checked, host name not checked (sslmode=verify-ca)",
            PgSslMode::VerifyFull => "TLS, authority and host name checked (sslmode=verify-full)",
        }
    }
}

/// A socket, or an address of this machine: nothing is sent over a network.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> PgSslMode {
        Address::parse(url).unwrap().options.get_ssl_mode()
    }

    #[test]
    fn a_server_elsewhere_has_to_prove_who_it_is_unless_the_url_says_otherwise() {
        let checked = [
            "postgres://coppice:x@db.internal:5432/coppice",
            "postgresql://coppice:x@10.0.0.7/coppice",
            "postgres://coppice:x@[2001:db8::7]/coppice",
            "postgres://coppice:x@localhost.example.org/coppice",
            "postgres://coppice:x@127.0.0.1/coppice?host=db.internal",
            "postgres://coppice:x@db/coppice?sslrootcert=/etc/ca.pem&pooling=session",
        ];
        for url in checked {
            assert!(matches!(mode(url), PgSslMode::VerifyFull), "{url}");
        }
        let here = [
            "postgres://coppice:x@127.0.0.1:5432/coppice",
            "postgres://coppice:x@localhost/coppice",
            "postgres://coppice:x@[::1]/coppice",
            "postgres://coppice:x@%2Frun%2Fpostgresql/coppice",
            "postgres://coppice:x@db/coppice?host=/run/postgresql",
        ];
        for url in here {
            assert!(matches!(mode(url), PgSslMode::Prefer), "{url}");
        }
        assert!(matches!(mode("postgres://u@db/c?sslmode=disable"), PgSslMode::Disable));
        assert!(matches!(mode("postgres://u@db/c?sslmode=prefer"), PgSslMode::Prefer));
        assert!(matches!(mode("postgres://u@127.0.0.1/c?sslmode=verify-ca"), PgSslMode::VerifyCa));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_with_the_reason_and_not_quoted() {
        let wrong = [
            ("", "form postgres://"),
            ("zzsecretzz", "form postgres://"),
            ("postgres:zzsecretzz", "form postgres://"),
            ("mysql://coppice:zzsecretzz@db/coppice", "form postgres://"),
            ("postgres://coppice:zzsecretzz@db:port/coppice", "form postgres://"),
            ("postgres://coppice:zz#secretzz@db/coppice", "%40 for @"),
            ("postgres://coppice:zzsecretzz@db/coppice?sslmod=verify-full", "unknown parameter"),
            ("postgres://coppice:zzsecretzz@db/coppice?sslmode=on", "sslmode is disable, prefer"),
            ("postgres://coppice:zzsecretzz@db/coppice?sslmode=allow", "use disable or prefer"),
            ("postgres://coppice:zzsecretzz@db/coppice?pooling=statement", "session or transaction"),
        ];
        for (url, why) in wrong {
            let error = Address::parse(url).unwrap_err();
            assert!(matches!(error, StoreError::Url(_)));
            assert!(error.to_string().contains(why), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("zz"), "{error:?}");
        }
    }
}
