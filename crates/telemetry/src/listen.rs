//! The ports of a unit, in clusters with IPv4, IPv6, or both.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted, as tokio has it.
const BACKLOG: i32 = 1024;

/// Listens on this address. `[::]` takes IPv4 and IPv6, whatever the kernel's default is.
///
/// # Errors
/// If the address is not this machine's, or its port is in use.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let takes_both = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let (socket, address) = match tcp_socket(address) {
        // A kernel without IPv6 makes no such socket.
        Err(_) if takes_both => {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            (tcp_socket(address)?, address)
        }
        socket => (socket?, address),
    };
    if address.is_ipv6() {
        socket.set_only_v6(!takes_both)?;
    }
    // A new process gets the port while connections of the old one still close.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    async fn is_reached(listener: &TcpListener, from: IpAddr) -> bool {
        TcpStream::connect((from, listener.local_addr().unwrap().port())).await.is_ok()
    }

    #[tokio::test]
    async fn the_unspecified_address_takes_ipv4_and_ipv6() {
        let both = listen("[::]:0".parse().unwrap()).unwrap();
        assert!(is_reached(&both, Ipv4Addr::LOCALHOST.into()).await);
        assert!(is_reached(&both, Ipv6Addr::LOCALHOST.into()).await);
    }

    #[tokio::test]
    async fn any_other_address_takes_what_it_says() {
        for (address, ipv4, ipv6) in
            [("0.0.0.0:0", true, false), ("127.0.0.1:0", true, false), ("[::1]:0", false, true)]
        {
            let one = listen(address.parse().unwrap()).unwrap();
            assert_eq!(is_reached(&one, Ipv4Addr::LOCALHOST.into()).await, ipv4, "{address}");
            assert_eq!(is_reached(&one, Ipv6Addr::LOCALHOST.into()).await, ipv6, "{address}");
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error() {
        let first = listen("[::]:0".parse().unwrap()).unwrap();
        let again = listen(SocketAddr::from((Ipv6Addr::UNSPECIFIED, first.local_addr().unwrap().port())));
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
