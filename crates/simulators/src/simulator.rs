//! A running simulator: its port is open, closed, and open again.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::ops::Deref;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Control;

/// The state of one provider, and what it answers.
pub trait Provider: Debug + Default + Send + 'static {
    /// All routes.
    fn router(control: Control<Self>) -> Router;
}

/// A simulator that listens on one port. Derefs to its [`Control`]. Stops listening when dropped.
#[derive(Debug)]
pub struct Simulator<P> {
    control: Control<P>,
    router: Router,
    listening: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl<P: Provider> Simulator<P> {
    /// Starts on a free loopback port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on this address.
    ///
    /// # Panics
    /// When the address is taken.
    pub async fn start_on(address: SocketAddr) -> Self {
        let listener = bind(address).await;
        let control = Control::new(listener.local_addr().expect("a bound socket has an address"));
        let mut simulator = Self { router: P::router(control.clone()), control, listening: None };
        simulator.serve(listener);
        simulator
    }

    /// A handle on the provider that does not borrow the simulator.
    pub fn control(&self) -> Control<P> {
        self.control.clone()
    }

    /// Closes the port: connections are refused, and open ones end after the request they are in.
    ///
    /// # Panics
    /// When the server has panicked.
    pub async fn refuse_connections(&mut self) {
        if let Some((stop, server)) = self.listening.take() {
            drop(stop);
            server.await.expect("the simulator's server does not panic");
        }
    }

    /// Opens the same port again after [`Self::refuse_connections`].
    ///
    /// # Panics
    /// When another process has taken the port.
    pub async fn accept_connections(&mut self) {
        if self.listening.is_none() {
            let listener = bind(self.control.address()).await;
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

async fn bind(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.expect("the simulator's address is free")
}

impl<P> Deref for Simulator<P> {
    type Target = Control<P>;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
