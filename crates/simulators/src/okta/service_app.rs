//! A service app of the organization: it acts for no user, has its own key, and has the scopes that it was granted.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

/// Longest lifetime of an assertion that is accepted.
const LONGEST_LIFE: Duration = Duration::hours(1);

/// The registration of a service app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceApp {
    /// `0oa…`
    pub client_id: String,
    /// The RSA key that its assertions are checked with, as PEM.
    pub public_key_pem: String,
    /// The granted scopes.
    pub scopes: Vec<String>,
}

/// The claims of the assertion that the library does not check.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    jti: String,
}

impl ServiceApp {
    /// An app that may read users and the log.
    pub fn new(client_id: &str, public_key_pem: &str) -> Self {
        let scopes = ["okta.users.read", "okta.logs.read"].map(str::to_owned).into();
        Self { client_id: client_id.to_owned(), public_key_pem: public_key_pem.to_owned(), scopes }
    }

    /// `jti` of an assertion by this app, for this audience, that is neither expired nor too long-lived. Okta takes one
    /// without; the simulator does not, as it could be sent twice.
    pub(crate) fn assertion_id(&self, assertion: &str, audience: &str) -> Option<String> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.client_id]);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        let key = DecodingKey::from_rsa_pem(self.public_key_pem.as_bytes()).ok()?;
        let claims = decode::<Claims>(assertion, &key, &validation).ok()?.claims;
        let latest = (OffsetDateTime::now_utc() + LONGEST_LIFE).unix_timestamp();
        (claims.sub == self.client_id && claims.exp <= latest).then_some(claims.jti)
    }
}
