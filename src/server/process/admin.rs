//! The admin socket, to which the command line connects (requirements.md#addresses). Root and the server's own user may use it, and the
//! group `admin.group`: then its mode is 0660, otherwise 0600.

use super::{Error, key};
use crate::admin::uid_name;
use crate::config::{ADMIN_SOCKET, Config};
use crate::web::admin::Peer;
use crate::web::{Shared, routes};
use actix_web::dev::{Extensions, ServerHandle};
use actix_web::{App, HttpServer};
use std::any::Any;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// The listener of the admin socket.
pub(super) struct Admin {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
    path: PathBuf,
}

impl Admin {
    pub(super) fn start(app: &Shared) -> Result<Self, Error> {
        let (path, listener) = bound(&app.config)?;
        let failed = |e| Error::Io(path.display().to_string(), e);
        let owner = fs::metadata(&path).map_err(failed)?.uid();
        let shared = app.clone();
        let server =
            HttpServer::new(move || App::new().app_data(shared.clone()).configure(|cfg| drop(routes::staff(cfg))))
                .on_connect(move |io: &dyn Any, data: &mut Extensions| peer(io, owner, data))
                .workers(1)
                .disable_signals()
                .shutdown_timeout(5)
                .listen_uds(listener)
                .map_err(failed)?
                .run();
        Ok(Self { handle: server.handle(), task: tokio::spawn(server), path })
    }

    /// Lets running requests finish, at most until `by`.
    pub(super) async fn stop(self, by: Instant) {
        let listener = async {
            self.handle.stop(true).await;
            let _ = self.task.await;
        };
        let _ = timeout_at(by, listener).await;
        let _ = fs::remove_file(&self.path);
    }
}

/// The id of `admin.group`, if the configuration names one.
///
/// # Errors
/// This machine has no such group.
pub(super) fn group(config: &Config) -> Result<Option<u32>, Error> {
    let id = |group: &str, named: &'static str| {
        let none = || key(named)(format!("{group}: this machine has no such group (/etc/group)"));
        uid_name::group_id(group).ok_or_else(none)
    };
    if let Some(records) = &config.admin.records_group {
        id(records, "admin.records_group")?;
    }
    config.admin.group.as_deref().map(|group| id(group, "admin.group")).transpose()
}

/// The first of the configured places where the socket can be made.
fn bound(config: &Config) -> Result<(PathBuf, UnixListener), Error> {
    let (places, group) = (config.admin_sockets(), group(config)?);
    let mut refused = None;
    for (n, path) in places.iter().enumerate() {
        let made = folder(path, group).and_then(|()| listen(path, group));
        match made {
            Ok(listener) => return Ok((path.clone(), listener)),
            Err(cause) if n + 1 < places.len() && unusable(&cause) => {
                let next = places[n + 1].display().to_string();
                tracing::warn!(socket = %path.display(), %cause, next, "the admin socket stands in the data folder");
            }
            Err(cause) => {
                refused = Some(Error::Io(path.display().to_string(), cause));
                break;
            }
        }
    }
    Err(refused.unwrap_or_else(|| key("admin.socket")("is missing")))
}

/// Whether a folder cannot be used at all: there is no `/run`, it is read-only, or it belongs to somebody else.
fn unusable(cause: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(cause.kind(), NotFound | PermissionDenied | ReadOnlyFilesystem)
}

/// The folder of the socket. Only our own one, in `/run`, is made and given to the group; another one is the operator's.
fn folder(socket: &Path, group: Option<u32>) -> io::Result<()> {
    let Some(folder) = socket.parent() else { return Ok(()) };
    let made = match DirBuilder::new().mode(0o750).create(folder) {
        Ok(()) => true,
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => false,
        Err(cause) => return Err(cause),
    };
    if !made && socket != Path::new(ADMIN_SOCKET) {
        return Ok(());
    }
    if let Some(group) = group.filter(|group| fs::metadata(folder).is_ok_and(|folder| folder.gid() != *group)) {
        chown(folder, None, Some(group)).map_err(|cause| not_ours(&cause))?;
    }
    // Whatever the umask is.
    match fs::metadata(folder)?.permissions().mode() & 0o777 {
        0o750 => Ok(()),
        _ => fs::set_permissions(folder, Permissions::from_mode(0o750)),
    }
}

fn not_ours(cause: &io::Error) -> io::Error {
    let why = format!("cannot be given to admin.group, of which the service's user must be a member: {cause}");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Binds under another name, sets the mode and renames the socket: so nobody can connect before the mode is set, and
/// the socket of a killed server is replaced. One at which a server listens is left alone.
fn listen(path: &Path, group: Option<u32>) -> io::Result<UnixListener> {
    if path == Path::new(ADMIN_SOCKET) && std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens here: set admin.socket"));
    }
    let unready = path.with_extension("new");
    let _ = fs::remove_file(&unready);
    let listener = UnixListener::bind(&unready)?;
    match group {
        Some(group) => {
            fs::set_permissions(&unready, Permissions::from_mode(0o600))?;
            chown(&unready, None, Some(group)).map_err(|cause| not_ours(&cause))?;
            fs::set_permissions(&unready, Permissions::from_mode(0o660))?;
        }
        None => fs::set_permissions(&unready, Permissions::from_mode(0o600))?,
    }
    fs::rename(&unready, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn peer(io: &dyn Any, owner: u32, data: &mut Extensions) {
    if let Some(Ok(credentials)) = io.downcast_ref::<UnixStream>().map(UnixStream::peer_cred) {
        data.insert(Peer { uid: credentials.uid(), gid: credentials.gid(), owner });
    }
}
