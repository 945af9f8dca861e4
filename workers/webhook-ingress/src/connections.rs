//! Accepts connections: a limited number at once, each for one request, whose head must come in time.

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

/// Limit of a head, and of the part of a request that is buffered before the router reads it.
const MAX_HEAD_BYTES: usize = 64 * 1024;

const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// Most connections at once. More wait in the listener's queue.
    pub connections: usize,
    /// Longest time until a request's head is complete.
    pub head: Duration,
}

/// Answers until `stop`. Then accepts no more connections, and finishes the open ones.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        // TLS ends at the load balancer, so a new connection costs little. With one request per connection, none is idle, and
        // no request is sent into a connection that is being closed.
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_BYTES);
    let service = TowerToHyperService::new(router);
    let (room, open) = (Arc::new(Semaphore::new(limits.connections)), GracefulShutdown::new());
    let accept = async || {
        // The place first: connections above the limit wait in the listener's queue.
        let place = Arc::clone(&room).acquire_owned().await;
        (place, listener.accept().await)
    };
    loop {
        let (place, accepted) = tokio::select! {
            accepted = accept() => accepted,
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
                tracing::warn!(%error, "connection could not be accepted");
                // Most likely, file descriptors have run out.
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    open.shutdown().await;
}
