//! A network path to a server on this machine, which can go silent so that neither end notices, and which can lead to another
//! server later. In: the server's port. Out: a port that leads to it. Must not know: what is sent.

use std::future::pending;
use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A network path. Dropping it ends its connections.
#[derive(Debug)]
pub struct NetworkPath {
    port: u16,
    /// The port of the server. `None`: nothing passes.
    server: watch::Sender<Option<u16>>,
    serving: JoinHandle<()>,
}

impl NetworkPath {
    /// A path to a port of this machine.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(server: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (server, watched) = watch::channel(Some(server));
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, watched.clone()));
            }
        });
        Ok(Self { port, server, serving })
    }

    /// `url` with this path's port instead of the server's.
    pub fn through(&self, url: &str) -> String {
        let (start, database) = url.rsplit_once('/').unwrap_or((url, ""));
        let (host, _) = start.rsplit_once(':').unwrap_or((start, ""));
        format!("{host}:{}/{database}", self.port)
    }

    /// From now on nothing passes, and neither end is told: as if the server's machine had lost its power. New connections are
    /// accepted and get no answer.
    pub fn go_silent(&self) {
        self.server.send_replace(None);
    }

    /// Leads new connections to this server. Open ones stay with theirs, or silent.
    pub fn lead_to(&self, server: u16) {
        self.server.send_replace(Some(server));
    }
}

impl Drop for NetworkPath {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn carry(mut client: TcpStream, mut server: watch::Receiver<Option<u16>>) {
    let mut path = server.clone();
    let dropped = async move { while path.changed().await.is_ok() {} };
    let carried = async {
        let port = *server.borrow_and_update();
        let Some(port) = port else { return pending().await };
        let mut connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let silent = async { server.wait_for(Option::is_none).await.is_ok() };
        tokio::select! {
            copied = copy_bidirectional(&mut client, &mut connected) => copied.map(drop),
            // Both ends stay open.
            true = silent => pending().await,
        }
    };
    tokio::select! {
        _ = carried => {}
        () = dropped => {}
    }
}
