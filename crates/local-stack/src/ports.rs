//! Ports of the loopback interface for processes that read their port from a setting. Out: a port that no other process gets
//! from this module while this process runs, so that a stopped server can take it again. Must not know: the server.

use std::fs::{self, File};
use std::net::TcpListener;
use std::process;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;

// Not a free port from the kernel: after it is closed, the kernel may use it for any connection before the server listens. So
// the range is below Linux's own, which begins at 32768, and a lock on a file reserves each port.
// <https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html> (`ip_local_port_range`)
const PORTS: std::ops::Range<u16> = 15_000..32_000;

// The kernel releases these locks when the process ends.
static RESERVED: Mutex<Vec<Flock<File>>> = Mutex::new(Vec::new());

/// A port that is free, and reserved until this process ends.
///
/// # Errors
/// When every port is taken, or the folder of locks cannot be written.
pub fn free_port() -> anyhow::Result<u16> {
    let folder = std::env::temp_dir().join(format!("coppice-ports-{}", Uid::effective()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Processes start at different ports, so that they rarely try the same one.
    let begin = process::id() as usize * 7 % PORTS.len();
    for port in PORTS.skip(begin).chain(PORTS.take(begin)) {
        let file = File::options().create(true).append(true).open(folder.join(port.to_string()));
        let file = file.with_context(|| format!("cannot open a lock in {}", folder.display()))?;
        let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            RESERVED.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
            return Ok(port);
        }
    }
    bail!("no port from {} to {} is free", PORTS.start, PORTS.end - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_even_while_no_process_listens() {
        let ports: Vec<u16> = (0..20).map(|_| free_port().unwrap()).collect();
        let mut different = ports.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), ports.len());
        assert!(ports.iter().all(|port| PORTS.contains(port)));
    }

    #[test]
    fn a_port_with_a_listener_is_skipped() {
        let port = free_port().unwrap();
        let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        assert_ne!(free_port().unwrap(), port);
    }
}
