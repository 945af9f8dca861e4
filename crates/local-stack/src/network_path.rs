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
    state: watch::Sender<State>,
    accepted: watch::Receiver<u32>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// The port of the server. `None`: nothing passes.
    server: Option<u16>,
    /// How often the path went silent. A connection from before the last time stays silent.
    silences: u32,
}

impl NetworkPath {
    /// A path to a port of this machine.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(server: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (state, watched) = watch::channel(State { server: Some(server), silences: 0 });
        let (accepting, accepted) = watch::channel(0);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                accepting.send_modify(|count| *count += 1);
                tokio::spawn(carry(client, watched.clone()));
            }
        });
        Ok(Self { port, state, accepted, serving })
    }

    /// `url` with this path's port instead of the server's.
    pub fn through(&self, url: &str) -> String {
        let (start, database) = url.rsplit_once('/').unwrap_or((url, ""));
        let (host, _) = start.rsplit_once(':').unwrap_or((start, ""));
        format!("{host}:{}/{database}", self.port)
    }

    /// Waits for the first connection.
    pub async fn used(&self) {
        // Fails if the path is dropped, and then nothing waits.
        let _ = self.accepted.clone().wait_for(|count| *count > 0).await;
    }

    /// From now on nothing passes, and neither end notices: as if the server's machine had lost its power. New connections are
    /// accepted and get no answer.
    pub fn go_silent(&self) {
        self.state.send_modify(|state| *state = State { server: None, silences: state.silences + 1 });
    }

    /// Leads new connections to this server. Open ones stay with theirs, or silent.
    pub fn lead_to(&self, server: u16) {
        self.state.send_modify(|state| state.server = Some(server));
    }
}

impl Drop for NetworkPath {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn carry(mut client: TcpStream, mut state: watch::Receiver<State>) {
    let mut path = state.clone();
    let dropped = async move { while path.changed().await.is_ok() {} };
    let carried = async {
        let begun = *state.borrow_and_update();
        let Some(port) = begun.server else { return pending().await };
        let mut connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let silent = async { state.wait_for(|now| now.silences != begun.silences).await.is_ok() };
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
