//! Takes connections: so many at once, each for one request, whose head must come in time.
//!
//! One request each, since TLS ends at the load balancer and a new connection costs it little: none is then idle, and
//! no request is ever sent into one that is being closed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Largest head, and most of a request that is held before somebody reads it.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Wait after a connection could not be taken: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// At once. Those above wait in the listener's queue.
    pub connections: usize,
    /// For a request's head to come in.
    pub head: Duration,
}

/// Answers until `stop`, then takes no more and finishes what it has.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_BYTES);
    let service = TowerToHyperService::new(router);
    let (room, open) = (Arc::new(Semaphore::new(limits.connections)), GracefulShutdown::new());
    let take = async || {
        let place = Arc::clone(&room).acquire_owned().await;
        (place, listener.accept().await)
    };
    loop {
        let (place, accepted) = tokio::select! {
            taken = take() => taken,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let answering = open.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
                tokio::spawn(async move {
                    if let Err(error) = answering.await {
                        tracing::debug!(%error, "connection ended early");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    open.shutdown().await;
}
