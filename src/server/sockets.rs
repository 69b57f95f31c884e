//! What the system does for our connections: it ends those whose peer takes nothing, and lets us have many.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// How long a peer may take no byte of what we sent before the system ends its connection, in milliseconds.
#[cfg(target_os = "linux")]
const UNREAD: u32 = 10_000;

/// Listens at an address. A peer that never reads would keep our answer in memory as long as it likes, for nothing above
/// the socket waits for it: so the system counts (tcp(7), `TCP_USER_TIMEOUT`).
///
/// # Errors
/// The system's.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // Accepted sockets inherit it: set here, it holds from the first byte of a handshake on.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(&listener, UNREAD)?;
    Ok(listener)
}

/// Lets this process have as many connections as the system allows it to ask for: what a service is started with is often
/// 1,024, which one machine elsewhere fills.
pub(super) fn allow_many() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(cause) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%cause, "the limit of open files stays as it was");
    }
}
