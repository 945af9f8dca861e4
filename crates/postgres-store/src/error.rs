//! Failures of Postgres, in the classes on which a caller can act.

use std::io::{self, ErrorKind};

use rustls::CertificateError;

use crate::bounded::{ReadOnly, RefusedConnection};

/// A failure of the store. No variant quotes a statement, a value or the server's detail text: they contain personal data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL cannot be used.
    #[error("database URL cannot be used: {0}")]
    Url(String),
    /// Everything that is not about the content of a row: the database cannot be reached, is read-only or shutting down, waits for
    /// a lock, asks for a retry, lacks a permission or a table. No record is at fault.
    #[error("database unavailable: {}", in_words(code))]
    Unavailable {
        /// SQLSTATE, or the driver's name of the failure. The text explains those that an operator can act on. For a connection that
        /// is refused, the server's or the pooler's own text follows: no row has been sent yet.
        code: String,
    },
    /// The database refuses the content of a row: a retry does not help.
    #[error("database refuses the data: {code} {constraint}")]
    Refused {
        /// SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
        code: String,
        /// The constraint that was violated, or empty.
        constraint: String,
    },
    /// The schema lacks migrations that this binary was built with.
    #[error("database schema is at version {applied}, this binary needs {needed}: run the migrate job first")]
    SchemaOlder {
        /// Newest migration in the database; 0 when there is none.
        applied: i64,
        /// Newest migration that this binary knows.
        needed: i64,
    },
}

impl StoreError {
    /// The failure of a caller that gave up waiting.
    #[must_use]
    pub fn no_answer() -> Self {
        Self::Unavailable { code: NO_ANSWER.to_owned() }
    }
}

/// Faulty data: 22 data exception, 23 integrity constraint violation, 54 program limit exceeded (a key too long for its index).
const DATA_CLASSES: [&str; 3] = ["22", "23", "54"];

const NO_CONNECTION: &str = "no connection within the time limit";
const NO_ANSWER: &str = "no answer within the time limit";
const NO_HOST: &str = "host not found";
const NO_FILE: &str = "file not readable";
const NO_TLS: &str = "no tls";
const TLS_FAILED: &str = "tls";
const BAD_CA_FILE: &str = "ca file";
const UNKNOWN_AUTHORITY: &str = "unknown authority";
const OTHER_HOST: &str = "certificate of another host";
const EXPIRED: &str = "certificate expired";
const BAD_CERTIFICATE: &str = "certificate";
const READ_ONLY: &str = "25006";
const UNEXPECTED: &str = "unexpected answer";

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let unavailable = |code: &str| Self::Unavailable { code: code.to_owned() };
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                if DATA_CLASSES.iter().any(|class| code.starts_with(class)) {
                    let constraint = database.constraint().unwrap_or_default().to_owned();
                    Self::Refused { code, constraint }
                } else {
                    Self::Unavailable { code }
                }
            }
            sqlx::Error::Io(error) => unavailable(failed_connection(error)),
            sqlx::Error::Configuration(error) if error.is::<ReadOnly>() => unavailable(READ_ONLY),
            sqlx::Error::Configuration(error) if error.is::<RefusedConnection>() => {
                unavailable(&error.to_string())
            }
            sqlx::Error::PoolTimedOut => unavailable(NO_CONNECTION),
            sqlx::Error::PoolClosed => unavailable("pool closed"),
            sqlx::Error::Tls(error) if error.to_string() == "server does not support TLS" => {
                unavailable(NO_TLS)
            }
            sqlx::Error::Tls(_) => unavailable(BAD_CA_FILE),
            sqlx::Error::Protocol(_) => unavailable("protocol"),
            // A value that this process wants to write, for example one that is too long for the protocol: the server was not
            // asked, and the next try ends alike.
            sqlx::Error::Encode(_) => {
                Self::Refused { code: String::from("driver"), constraint: String::new() }
            }
            // What the server answered: a column whose type or content this version does not know, for example in the middle of
            // a rollout. The row that is to be written did not cause it.
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => unavailable(UNEXPECTED),
            _ => unavailable("driver"),
        }
    }
}

/// Why a connection could not be made, or was lost.
fn failed_connection(error: &io::Error) -> &'static str {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (error.kind(), tls) {
        (_, Some(rustls::Error::InvalidCertificate(reason))) => match reason {
            // Of another authority that has the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => UNKNOWN_AUTHORITY,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => OTHER_HOST,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => EXPIRED,
            _ => BAD_CERTIFICATE,
        },
        (_, Some(_)) => TLS_FAILED,
        (ErrorKind::TimedOut, None) => NO_ANSWER,
        (ErrorKind::NotFound | ErrorKind::PermissionDenied, None) => NO_FILE,
        // The standard library has no kind for it.
        _ if error.to_string().starts_with("failed to lookup address") => NO_HOST,
        _ => "connection lost",
    }
}

/// A code with its meaning, if an operator can act on it.
fn in_words(code: &str) -> String {
    let meaning = match code {
        "28P01" => "it refuses the user or password in DATABASE_URL",
        "28000" => "it refuses the user in DATABASE_URL, or connections from here",
        "3D000" => "the database in DATABASE_URL does not exist",
        "42501" => {
            "the user in DATABASE_URL lacks a permission: with COPPICE_SQL_ROLES, the migrate job grants it"
        }
        "42P01" | "42703" => "a table or column does not exist: run the migrate job",
        READ_ONLY => "it is read-only: check that DATABASE_URL names the primary",
        "53100" => "the server's disk is full",
        "53300" => "the server has no free connections",
        "57P01" | "57P02" | "57P03" => "the server is starting or stopping",
        "2BP01" => "another view reads this one: drop that view, and create it again afterwards",
        "40001" | "40P01" => "another transaction was in the way",
        "55P03" => "another session holds a lock: find it in pg_stat_activity with pg_blocking_pids()",
        "57014" => {
            "a statement took longer than 30 s or was cancelled: find what is slow in pg_stat_activity"
        }
        NO_HOST => "no such host: check the host in DATABASE_URL",
        NO_FILE => {
            "cannot read a file that DATABASE_URL or PGSSLROOTCERT names: the CA file, the client's certificate, or the socket"
        }
        NO_TLS => {
            "the server offers no TLS: switch it on there, or, on a network that you trust, add sslmode=disable to DATABASE_URL"
        }
        TLS_FAILED => "the server and we do not agree on TLS: it may speak only versions before 1.2",
        BAD_CA_FILE => "the CA file that DATABASE_URL or PGSSLROOTCERT names has no certificate in PEM form",
        UNKNOWN_AUTHORITY => {
            "an authority that is not known here has signed the server's certificate: name the authority's file in PGSSLROOTCERT, or as sslrootcert in DATABASE_URL"
        }
        OTHER_HOST => {
            "the server's certificate is for another host name than that in DATABASE_URL: use a name that the certificate has"
        }
        EXPIRED => "the server's certificate has expired: renew it",
        BAD_CERTIFICATE => "the server's certificate is not valid",
        "42P05" | "26000" => {
            "a pooler gives each transaction another session: add pooling=transaction to DATABASE_URL"
        }
        NO_CONNECTION => {
            return format!("{code}: check host and port in DATABASE_URL, and the NetworkPolicy");
        }
        NO_ANSWER => {
            return format!("{code}: the server or the network is silent");
        }
        UNEXPECTED => {
            return format!("{code}: the schema does not fit this version");
        }
        _ => return code.to_owned(),
    };
    format!("{meaning} ({code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_driver_is_unavailable_unless_it_is_about_a_value_to_write() {
        let silent = || sqlx::Error::Io(ErrorKind::TimedOut.into());
        let broken = || sqlx::Error::Io(ErrorKind::ConnectionReset.into());
        for (error, expected) in [
            (silent(), "unavailable no answer within the time limit"),
            (broken(), "unavailable connection lost"),
            (sqlx::Error::Configuration(Box::new(ReadOnly)), "unavailable 25006"),
            (
                sqlx::Error::Configuration(Box::new(RefusedConnection(String::from("08P01: no such user")))),
                "unavailable 08P01: no such user",
            ),
            (sqlx::Error::PoolTimedOut, "unavailable no connection within the time limit"),
            (sqlx::Error::PoolClosed, "unavailable pool closed"),
            (sqlx::Error::Tls("no certificate".into()), "unavailable ca file"),
            (sqlx::Error::Tls("server does not support TLS".into()), "unavailable no tls"),
            (sqlx::Error::Protocol(String::from("unknown message")), "unavailable protocol"),
            (sqlx::Error::Decode("infinity".into()), "unavailable unexpected answer"),
            (sqlx::Error::ColumnNotFound(String::from("email")), "unavailable driver"),
            (sqlx::Error::WorkerCrashed, "unavailable driver"),
            (sqlx::Error::Encode("too long".into()), "refused driver"),
        ] {
            let class = match StoreError::from(error) {
                StoreError::Unavailable { code } => format!("unavailable {code}"),
                StoreError::Refused { code, .. } => format!("refused {code}"),
                other => other.to_string(),
            };
            assert_eq!(class, expected);
        }
    }

    #[test]
    fn a_code_that_an_operator_can_act_on_is_explained() {
        for (code, expected) in [
            ("28P01", "it refuses the user or password in DATABASE_URL (28P01)"),
            ("3D000", "the database in DATABASE_URL does not exist (3D000)"),
            ("53300", "the server has no free connections (53300)"),
            ("25006", "it is read-only: check that DATABASE_URL names the primary (25006)"),
            ("XX000", "XX000"),
            (
                NO_CONNECTION,
                "no connection within the time limit: check host and port in DATABASE_URL, and the NetworkPolicy",
            ),
        ] {
            assert_eq!(in_words(code), expected);
        }
    }
}
