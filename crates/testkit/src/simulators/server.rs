//! A simulator's port: open, closed, and open again.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A router that listens on one port. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    router: Router,
    listening: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// Takes the address, or a free port of it.
///
/// # Panics
/// When the address is taken.
pub(crate) async fn bind(address: SocketAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(address).await.expect("the simulator's address is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    (listener, address)
}

impl Server {
    pub(crate) fn new(listener: TcpListener, address: SocketAddr, router: Router) -> Self {
        let mut server = Self { address, router, listening: None };
        server.serve(listener);
        server
    }

    /// Closes the port: connections are refused, and open ones end after the request they are in.
    pub(crate) async fn refuse_connections(&mut self) {
        if let Some((stop, server)) = self.listening.take() {
            drop(stop);
            server.await.expect("the simulator's server does not panic");
        }
    }

    /// Opens the same port again.
    pub(crate) async fn accept_connections(&mut self) {
        if self.listening.is_none() {
            let (listener, _) = bind(self.address).await;
            self.serve(listener);
        }
    }

    fn serve(&mut self, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel::<()>();
        let router = self.router.clone();
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(async {
                let _ = stopped.await; // Dropping the sender is the signal.
            });
            serving.await.expect("a loopback server runs until it is stopped");
        });
        self.listening = Some((stop, server));
    }
}
