//! What proves to an API who sends a request: one header. Its value is marked as secret, so that nothing prints it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::error::ProviderError;

/// A header with a secret.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
}

impl Credential {
    /// # Errors
    /// [`ProviderError::Unauthorized`] for a text that no header can hold: no server accepts it.
    fn new(name: HeaderName, text: &str) -> Result<Self, ProviderError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| ProviderError::Unauthorized)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }

    /// A token behind the word for its kind.
    pub(crate) fn token(scheme: &str, token: &SecretString) -> Result<Self, ProviderError> {
        Self::new(AUTHORIZATION, &format!("{scheme} {}", token.expose_secret()))
    }

    /// <https://www.rfc-editor.org/rfc/rfc7617>
    pub(crate) fn basic(user: &str, password: &str) -> Result<Self, ProviderError> {
        let both = format!("{user}:{password}");
        Self::new(AUTHORIZATION, &format!("Basic {}", STANDARD.encode(both.as_bytes())))
    }

    /// A header of the API's own.
    pub(crate) fn header(name: &str, value: &SecretString) -> Result<Self, ProviderError> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ProviderError::Unauthorized)?;
        Self::new(name, value.expose_secret())
    }

    /// A client and its secret: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1>, which encodes both first.
    pub(crate) fn client(id: &str, secret: &SecretString) -> Result<Self, ProviderError> {
        let encoded =
            |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        Self::basic(&encoded(id), &encoded(secret.expose_secret()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_one_header_that_nothing_prints() {
        let text = |credential: Result<Credential, ProviderError>| {
            let credential = credential.unwrap();
            assert!(!format!("{credential:?}").contains("s3cret"), "{credential:?}");
            (credential.name.to_string(), credential.value.to_str().unwrap().to_owned())
        };
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(text(Credential::token("SSWS", &"s3cret".into())), header("authorization", "SSWS s3cret"));
        assert_eq!(text(Credential::basic("a", "s3cret")), header("authorization", "Basic YTpzM2NyZXQ="));
        assert_eq!(text(Credential::header("X-Key", &"s3cret".into())), header("x-key", "s3cret"));
        // `a:b` and `c d` are encoded first: `a%3Ab:c+d`.
        assert_eq!(
            text(Credential::client("a:b", &"c d".into())),
            header("authorization", "Basic YSUzQWI6Yytk")
        );
    }

    #[test]
    fn a_text_that_no_header_can_hold_is_refused_and_not_quoted() {
        assert_eq!(Credential::token("Bearer", &"s3cret\n".into()).unwrap_err(), ProviderError::Unauthorized);
        assert_eq!(Credential::header("a b", &"s3cret".into()).unwrap_err(), ProviderError::Unauthorized);
    }
}
