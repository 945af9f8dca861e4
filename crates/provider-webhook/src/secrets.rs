//! The secrets that providers sign with. Several are live while an operator rotates one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

use crate::Keys;

const MIN_SECRET_BYTES: usize = 16;

const MAX_SECRETS: usize = 8;

/// Keys of one provider. Their `Debug` text hides them.
#[derive(Debug, Default)]
pub struct Secrets(Vec<SecretSlice<u8>>);

impl Secrets {
    /// True if there is none: then no request is authentic.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(ExposeSecret::expose_secret)
    }

    /// Reads texts that are written as `keys` says.
    ///
    /// # Errors
    /// Why they cannot be used. The text never quotes a secret.
    pub fn read<'a>(texts: impl IntoIterator<Item = &'a str>, keys: Keys) -> Result<Self, String> {
        let key = |text: &str| match keys {
            Keys::Text => Ok(text.as_bytes().to_vec()),
            Keys::Base64 => of_base64(text),
        };
        let read: Vec<Vec<u8>> = texts.into_iter().map(key).collect::<Result<_, _>>()?;
        // Each costs one digest of the body per request.
        if read.len() > MAX_SECRETS {
            return Err(format!("cannot be used: more than {MAX_SECRETS} secrets"));
        }
        // A surplus comma makes an empty secret, and every sender could sign with it. An attacker can guess a short one.
        if read.iter().any(|key| key.len() < MIN_SECRET_BYTES) {
            return Err(format!("cannot be used: a secret has fewer than {MIN_SECRET_BYTES} bytes"));
        }
        Ok(Self(read.into_iter().map(SecretSlice::from).collect()))
    }

    /// Reads a list with commas. An empty list is no secrets.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_list(list: &str, keys: Keys) -> Result<Self, String> {
        let texts = list.split(',').map(str::trim);
        Self::read(texts.take_while(|_| !list.is_empty()), keys)
    }
}

fn of_base64(text: &str) -> Result<Vec<u8>, String> {
    let decoded = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    decoded.ok_or_else(|| String::from("cannot be used: a secret is not base64 after whsec_"))
}

#[cfg(feature = "test-support")]
impl Secrets {
    pub(crate) fn of_any_length(texts: &[String], keys: Keys) -> Self {
        // Secrets of vendors' test vectors are short.
        let key = |text: &String| match keys {
            Keys::Text => Ok(text.as_bytes().to_vec()),
            Keys::Base64 => of_base64(text),
        };
        Self(texts.iter().flat_map(key).map(SecretSlice::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_setting_holds_several_secrets() {
        let list = "0123456789abcdef, fedcba9876543210";
        let secrets = Secrets::read_list(list, Keys::Text).unwrap();
        let keys: Vec<&[u8]> = secrets.iter().collect();
        assert_eq!(keys, [b"0123456789abcdef", b"fedcba9876543210"]);
        assert!(!format!("{secrets:?}").contains("0123"));
        let decoded = Secrets::read_list("whsec_MDEyMzQ1Njc4OWFiY2RlZg==", Keys::Base64).unwrap();
        assert_eq!(decoded.iter().collect::<Vec<_>>(), [b"0123456789abcdef"]);
    }

    #[test]
    fn a_list_holds_up_to_eight_secrets() {
        for count in [0, 1, 8] {
            let secrets = Secrets::read(vec!["0123456789abcdef"; count], Keys::Text).unwrap();
            assert_eq!(secrets.iter().count(), count);
            assert_eq!(secrets.is_empty(), count == 0, "{count} secrets");
        }
    }

    #[test]
    fn a_list_with_a_weak_secret_is_refused() {
        let short = "cannot be used: a secret has fewer than 16 bytes";
        let encoding = "cannot be used: a secret is not base64 after whsec_";
        let many = ["0123456789abcdef"; 9].join(",");
        for (list, expected) in [
            ("0123456789abcdef,", short),
            ("0123456789abcde", short),
            (many.as_str(), "cannot be used: more than 8 secrets"),
        ] {
            assert_eq!(Secrets::read_list(list, Keys::Text).unwrap_err(), expected);
        }
        for (list, expected) in
            [("whsec_", short), ("whsec_!!!!", encoding), ("MDEyMzQ1Njc4OWFiY2RlZg==", encoding)]
        {
            assert_eq!(Secrets::read_list(list, Keys::Base64).unwrap_err(), expected);
        }
    }
}
