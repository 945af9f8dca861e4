//! Failures of Postgres, in the three classes on which a caller can act.

/// A failure of the store. No variant quotes a statement, a value or the server's detail text: they contain personal data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL cannot be used.
    #[error("database URL is not of the form postgres://user:password@host:port/database")]
    Url,
    /// The database cannot be reached, is shutting down, or asks for a retry (deadlock, serialization).
    #[error("database unavailable: {code}")]
    Unavailable {
        /// SQLSTATE, or the driver's name of the failure.
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
            sqlx::Error::PoolTimedOut => unavailable("no connection in time"),
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
