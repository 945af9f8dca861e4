//! Failures of Postgres, in the three classes on which a caller can act.

/// A failure of the store. No variant quotes a statement, a value or the server's detail text: they contain personal data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL cannot be used.
    #[error("database URL is not of the form postgres://user:password@host:port/database")]
    Url,
    /// The database cannot be reached, is shutting down, or asks for a retry (deadlock, serialization).
    #[error("database unavailable: {}", in_words(code))]
    Unavailable {
        /// SQLSTATE, or the driver's name of the failure. The text explains those that an operator can act on.
        code: String,
    },
    /// The database refuses the data: a retry does not help.
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

/// Faulty data: 22 data exception, 23 integrity constraint violation, 54 program limit exceeded (a key too long for its index).
const DATA_CLASSES: [&str; 3] = ["22", "23", "54"];

const NO_CONNECTION: &str = "no connection within the time limit";

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
            sqlx::Error::Io(_) => unavailable("connection lost"),
            sqlx::Error::PoolTimedOut => unavailable(NO_CONNECTION),
            sqlx::Error::PoolClosed => unavailable("pool closed"),
            sqlx::Error::Tls(_) => unavailable("tls"),
            sqlx::Error::Protocol(_) => unavailable("protocol"),
            sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Refused { code: String::from("driver"), constraint: String::new() }
            }
            _ => unavailable("driver"),
        }
    }
}

/// A code with its meaning, if an operator can act on it.
fn in_words(code: &str) -> String {
    let meaning = match code {
        "28P01" => "it refuses the user or password in DATABASE_URL",
        "28000" => "it refuses the user in DATABASE_URL, or connections from here",
        "3D000" => "the database in DATABASE_URL does not exist",
        "42501" => "the user in DATABASE_URL lacks a permission",
        "42P01" | "42703" => "a table or column does not exist: run the migrate job",
        "25006" => "it is read-only: check that DATABASE_URL names the primary",
        "53100" => "the server's disk is full",
        "53300" => "the server has no free connections",
        "57P01" | "57P02" | "57P03" => "the server is starting or stopping",
        "40001" | "40P01" => "another transaction was in the way",
        NO_CONNECTION => {
            return format!("{code}: check host and port in DATABASE_URL, and the NetworkPolicy");
        }
        _ => return code.to_owned(),
    };
    format!("{meaning} ({code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_an_operator_can_act_on_is_explained() {
        for (code, expected) in [
            ("28P01", "it refuses the user or password in DATABASE_URL (28P01)"),
            ("3D000", "the database in DATABASE_URL does not exist (3D000)"),
            ("53300", "the server has no free connections (53300)"),
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
