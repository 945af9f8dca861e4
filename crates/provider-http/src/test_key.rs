//! Keys for tests, made when a test runs: every scanner of secrets rightly reports a committed key.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An RSA key of 2,048 bits, which no system trusts.
#[derive(Debug)]
pub struct TestKey {
    /// The private key, PKCS #8, as PEM.
    pub private_pem: String,
    /// Its public key, as PEM.
    pub public_pem: String,
}

impl TestKey {
    /// Makes a key. Takes most of a second: share the key between tests.
    ///
    /// # Panics
    /// When the machine has no random numbers.
    #[expect(clippy::expect_used, reason = "for tests, which fail by panicking")]
    pub fn generate() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("the machine has random numbers");
        let private: Pkcs8V1Der<'_> = key.as_der().expect("a new key can be written");
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("a new key can be written");
        Self {
            private_pem: pem("PRIVATE KEY", private.as_ref()),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        }
    }
}

/// Bytes framed as PEM, whatever they are.
pub fn pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: String =
        text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}
