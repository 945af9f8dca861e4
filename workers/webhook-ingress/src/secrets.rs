//! The secrets that providers sign with. Several are live while one is being rotated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

/// Shorter ones can be guessed.
const MIN_SECRET_BYTES: usize = 16;

/// Each costs a digest of the body for every request.
const MAX_SECRETS: usize = 8;

/// Keys of one provider. Their `Debug` text hides them.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<SecretSlice<u8>>);

/// Why a setting holds no secrets. Never quotes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretsError {
    #[error("a secret in the list has fewer than {MIN_SECRET_BYTES} bytes")]
    Short,
    #[error("more than {MAX_SECRETS} secrets")]
    Many,
    #[error("a secret in the list is not base64 after whsec_")]
    Encoding,
}

impl Secrets {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(ExposeSecret::expose_secret)
    }

    /// Reads a list with commas. An empty list is no secrets.
    pub(crate) fn parse(list: &str) -> Result<Self, String> {
        Self::of(list, |text| Ok(text.as_bytes().to_vec())).map_err(unusable)
    }

    /// Reads a list whose texts hold base64 after `whsec_`.
    pub(crate) fn parse_base64(list: &str) -> Result<Self, String> {
        Self::of(list, of_base64).map_err(unusable)
    }

    fn of(list: &str, key: fn(&str) -> Result<Vec<u8>, SecretsError>) -> Result<Self, SecretsError> {
        if list.is_empty() {
            return Ok(Self::default());
        }
        let keys: Vec<Vec<u8>> = list.split(',').map(|text| key(text.trim())).collect::<Result<_, _>>()?;
        if keys.len() > MAX_SECRETS {
            return Err(SecretsError::Many);
        }
        // An empty one, of a comma too many, would let everybody in.
        if keys.iter().any(|key| key.len() < MIN_SECRET_BYTES) {
            return Err(SecretsError::Short);
        }
        Ok(Self(keys.into_iter().map(SecretSlice::from).collect()))
    }
}

fn unusable(error: SecretsError) -> String {
    format!("cannot be used: {error}")
}

fn of_base64(text: &str) -> Result<Vec<u8>, SecretsError> {
    let encoded = text.strip_prefix("whsec_").ok_or(SecretsError::Encoding)?;
    STANDARD.decode(encoded).map_err(|_| SecretsError::Encoding)
}

#[cfg(test)]
impl Secrets {
    /// Of any length: vendors' test vectors have short ones.
    pub(crate) fn of_texts(texts: &[String]) -> Self {
        Self(texts.iter().map(|text| text.as_bytes().to_vec().into()).collect())
    }

    pub(crate) fn of_base64(texts: &[String]) -> Self {
        Self(texts.iter().map(|text| of_base64(text).unwrap().into()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_secrets_stand_in_one_setting() {
        let list = "0123456789abcdef, fedcba9876543210";
        let secrets = Secrets::parse(list).unwrap();
        let keys: Vec<&[u8]> = secrets.iter().collect();
        assert_eq!(keys, [b"0123456789abcdef", b"fedcba9876543210"]);
        assert!(!format!("{secrets:?}").contains("0123"));
        let decoded = Secrets::parse_base64("whsec_MDEyMzQ1Njc4OWFiY2RlZg==").unwrap();
        assert_eq!(decoded.iter().collect::<Vec<_>>(), [b"0123456789abcdef"]);
    }

    #[test]
    fn a_list_that_would_let_others_in_is_refused() {
        let many = ["0123456789abcdef"; 9].join(",");
        for (list, expected) in [
            ("0123456789abcdef,", SecretsError::Short),
            ("0123456789abcde", SecretsError::Short),
            (many.as_str(), SecretsError::Many),
        ] {
            assert_eq!(Secrets::parse(list).unwrap_err(), unusable(expected));
        }
        for (list, expected) in [
            ("whsec_", SecretsError::Short),
            ("whsec_!!!!", SecretsError::Encoding),
            ("MDEyMzQ1Njc4OWFiY2RlZg==", SecretsError::Encoding),
        ] {
            assert_eq!(Secrets::parse_base64(list).unwrap_err(), unusable(expected));
        }
    }
}
