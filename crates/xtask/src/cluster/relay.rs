//! Forwards a port of another address of this machine to the same port of the loopback address, so that pods reach it.

use std::net::Ipv4Addr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Forwards connections until the returned set is dropped.
pub(super) async fn start(address: Ipv4Addr, port: u16) -> anyhow::Result<JoinSet<()>> {
    let listener = TcpListener::bind((address, port))
        .await
        .with_context(|| format!("cannot listen at {address}:{port}: name an address of this machine"))?;
    let mut relay = JoinSet::new();
    relay.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            connections.spawn(async move {
                if let Ok(mut to) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                    // If a connection breaks, both sides notice it themselves.
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                }
            });
            // Otherwise ended connections stay in the set.
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(relay)
}
