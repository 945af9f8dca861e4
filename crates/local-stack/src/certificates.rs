//! An authority of our own, and a server's certificate that it signs. In: the server's names. Out: PEM texts. Must not know: which
//! server.

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A private authority.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and its key, in PEM form.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new authority, which no other test knows.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?);
        Ok(Self { issuer: issuer.context("cannot sign the authority's certificate")? })
    }

    /// The authority's certificate, which clients trust.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server of these names or addresses.
    ///
    /// # Errors
    /// When a name is neither a host name nor an address.
    pub fn sign(&self, names: &[&str]) -> anyhow::Result<ServerCertificate> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerCertificate { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}
