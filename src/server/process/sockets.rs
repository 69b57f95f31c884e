//! Settings of the operating system: for our connections (it closes those whose peer does not read, and allows many), and for our
//! own folder.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

/// If a peer does not accept sent bytes for this long, in milliseconds, the system closes its connection.
#[cfg(target_os = "linux")]
const UNREAD: u32 = 10_000;

/// How many connections may wait to be accepted; the system has a limit of its own. The standard library uses 128: the
/// first packet of the next one is dropped, and its sender tries again after one, three, seven seconds.
const WAITING: i32 = 4_096;

/// Open files that are not callers' connections: the store, the core bank, the mail relay, the log. Without them, a
/// flood of connections would cut us off from the bank too.
const OTHER_FILES: u64 = 256;

/// Listens at an address. The response to a peer that never reads would stay in memory for ever, because nothing above
/// the socket has a limit for this. So the system has one (tcp(7), `TCP_USER_TIMEOUT`).
///
/// # Errors
/// Those of the operating system.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // Accepted sockets inherit this, so it applies from the first byte of a handshake.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(&listener, UNREAD)?;
    rustix::net::listen(&listener, WAITING)?;
    Ok(listener)
}

/// Lets no further connection arrive at a listener; those that wait in its queue can still be accepted. The system drops the first packet
/// of a new one, its sender tries again a second later, and meets a closed port. Without this, a connection that is made in the moment in
/// which the listener closes is reset after its caller has sent a request, and a proxy may not send a POST twice (RFC 9110 §9.2.2).
///
/// # Errors
/// Those of the operating system.
pub(super) fn let_none_arrive(listener: &TcpListener) -> io::Result<()> {
    // For the system's packet filter (socket(7), `SO_ATTACH_FILTER`): of a packet with SYN no byte is kept, of any other each one. The end
    // of a handshake that has begun comes through, so whoever believes to be connected is.
    #[cfg(target_os = "linux")]
    {
        use socket2::SockFilter;
        let flags = SockFilter::new(LOAD_BYTE, 0, 0, 13);
        let has_syn = SockFilter::new(JUMP_IF_SET, 0, 1, 0x02);
        let (drop, keep) = (SockFilter::new(RETURN, 0, 0, 0), SockFilter::new(RETURN, 0, 0, u32::MAX));
        socket2::SockRef::from(listener).attach_filter(&[flags, has_syn, drop, keep])?;
    }
    let _ = listener;
    Ok(())
}
/// `BPF_LD | BPF_B | BPF_ABS`: a byte of the packet, from the TCP header on.
#[cfg(target_os = "linux")]
const LOAD_BYTE: u16 = 0x30;
/// `BPF_JMP | BPF_JSET | BPF_K`.
#[cfg(target_os = "linux")]
const JUMP_IF_SET: u16 = 0x45;
/// `BPF_RET | BPF_K`.
#[cfg(target_os = "linux")]
const RETURN: u16 = 0x06;

/// Creates the folder with mode 0700, or takes the rights of others away from it: its store has everything.
///
/// # Errors
/// It cannot be created. Rights that cannot be taken away (a volume that belongs to root) are said in the log.
pub(super) fn own_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::metadata(folder)?.permissions().mode() & 0o077 != 0
        && let Err(cause) = fs::set_permissions(folder, Permissions::from_mode(0o700))
    {
        tracing::warn!(folder = %folder.display(), %cause, "server.data_dir is open to others, and its mode cannot be changed");
    }
    Ok(())
}

/// Raises this process's limit of open files to the maximum: a service often starts with 1,024, which one other machine
/// can use up. Returns the limit; `None` if there is none.
pub(super) fn allow_many() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(cause) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%cause, "the limit of open files stays as it was");
    }
    getrlimit(Resource::Nofile).current
}

/// How many connections each worker accepts: its part of `connections` (`server.connections`), within the limit of open
/// `files`.
pub(super) fn per_worker(connections: usize, files: Option<u64>, workers: usize) -> usize {
    let files = files.map(|files| files.saturating_sub(OTHER_FILES).max(files / 2));
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    (connections.min(files) / workers.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;
    use std::time::Duration;

    #[test]
    fn connections_leave_files_for_the_store_and_the_bank() {
        for (connections, files, workers, want, why) in [
            (8192, None, 2, 4096, "no limit of files"),
            (8192, Some(1 << 20), 4, 2048, "files enough"),
            (8192, Some(8192), 1, 7936, "fewer files than connections"),
            (8192, Some(1024), 2, 384, "what a service is often started with"),
            (8192, Some(256), 2, 64, "few files: half of them"),
            (64, Some(1024), 100, 1, "a worker takes at least one"),
            (100, None, 0, 100, "no worker named"),
        ] {
            assert_eq!(per_worker(connections, files, workers), want, "{why}");
        }
    }

    #[test]
    fn the_data_folder_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |folder: &Path| fs::metadata(folder).unwrap().permissions().mode() & 0o777;
        let made = dir.path().join("a/b");
        own_folder(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
        fs::set_permissions(&made, Permissions::from_mode(0o755)).unwrap();
        own_folder(&made).unwrap();
        assert_eq!(mode(&made), 0o700, "one that stands there already");
    }

    #[test]
    fn who_waits_is_accepted_and_nobody_arrives_any_more() {
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300));
        let mut waiting = connect().unwrap();
        let_none_arrive(&listener).unwrap();
        assert_eq!(connect().unwrap_err().kind(), io::ErrorKind::TimedOut);
        // Who waited can send, and is answered.
        io::Write::write_all(&mut waiting, b"?").unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        let mut byte = [0];
        io::Read::read_exact(&mut accepted, &mut byte).unwrap();
        io::Write::write_all(&mut accepted, b"!").unwrap();
        io::Read::read_exact(&mut waiting, &mut byte).unwrap();
        assert_eq!(byte, *b"!");
        drop(listener);
        assert_eq!(connect().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn many_may_wait_to_be_accepted() {
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let waiting: Vec<_> =
            (0..400).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(900))).collect();
        assert_eq!(waiting.iter().filter(|peer| peer.is_err()).count(), 0);
    }
}
