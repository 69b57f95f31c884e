//! The admin socket: `admin.sock` in the data folder, mode 0600, so that only the server's user and root can use it.
//! The command line connects to it.

use super::Error;
use crate::web::admin::Peer;
use crate::web::{Shared, routes};
use actix_web::dev::{Extensions, ServerHandle};
use actix_web::{App, HttpServer};
use std::any::Any;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// The name of the socket in the data folder.
pub const SOCKET: &str = "admin.sock";

/// The listener of the admin socket.
pub(super) struct Admin {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
    path: PathBuf,
}

impl Admin {
    pub(super) fn start(app: &Shared) -> Result<Self, Error> {
        let path = app.config.server.data_dir.join(SOCKET);
        let failed = |e| Error::Io(path.display().to_string(), e);
        let listener = listen(&path).map_err(failed)?;
        let shared = app.clone();
        let server =
            HttpServer::new(move || App::new().app_data(shared.clone()).configure(|cfg| drop(routes::staff(cfg))))
                .on_connect(peer)
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

/// Binds under another name, sets the mode and renames the socket: so nobody can connect before the mode is set, and
/// the socket of a killed server is replaced. The caller makes sure that no other server uses this data folder (the
/// lock on a SQLite file, an address in use).
fn listen(path: &Path) -> std::io::Result<UnixListener> {
    let unready = path.with_extension("new");
    let _ = fs::remove_file(&unready);
    let listener = UnixListener::bind(&unready)?;
    fs::set_permissions(&unready, Permissions::from_mode(0o600))?;
    fs::rename(&unready, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn peer(io: &dyn Any, data: &mut Extensions) {
    if let Some(Ok(credentials)) = io.downcast_ref::<UnixStream>().map(UnixStream::peer_cred) {
        data.insert(Peer(credentials.uid()));
    }
}
