//! A path to a PostgreSQL server that speaks TLS, for servers that cannot: the installed ones are built without it. In: the
//! server's port and a certificate. Out: a port. Must not know: what is sent.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::ServerCertificate;

/// A path with TLS. Dropping it ends its listener.
#[derive(Debug)]
pub struct TlsPath {
    /// Its port on this machine.
    pub port: u16,
    serving: JoinHandle<()>,
}

impl TlsPath {
    /// A path to the server at this port of this machine.
    ///
    /// # Errors
    /// When no port is free, or the certificate cannot be used.
    pub async fn to(server: u16, certificate: &ServerCertificate) -> anyhow::Result<Self> {
        let chain = CertificateDer::pem_slice_iter(certificate.certificate.as_bytes());
        let chain: Vec<_> = chain.collect::<Result<_, _>>().context("a certificate in PEM form")?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).context("a key in PEM form")?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A client that does not believe the certificate ends the handshake.
                tokio::spawn(carry(client, acceptor.clone(), server));
            }
        });
        Ok(Self { port, serving })
    }
}

impl Drop for TlsPath {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn carry(mut client: TcpStream, acceptor: TlsAcceptor, server: u16) -> std::io::Result<()> {
    // `SSLRequest`: <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>. A client without TLS is left.
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    if request != [0, 0, 0, 8, 4, 210, 22, 47] {
        return Ok(());
    }
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
