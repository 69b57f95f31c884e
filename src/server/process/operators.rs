//! `admin.listen`: `/metrics` and `/readyz` with components, for monitoring. Nothing there names a person or an app.

use super::Error;
use super::sockets;
use crate::web::{Shared, routes};
use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};
use std::net::SocketAddr;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// The listener for operators.
pub(super) struct Operators {
    running: Option<(ServerHandle, JoinHandle<std::io::Result<()>>)>,
    /// Its addresses, with their actual ports.
    pub(super) addresses: Vec<SocketAddr>,
}

impl Operators {
    pub(super) fn start(app: &Shared) -> Result<Self, Error> {
        let wanted = &app.config.admin.listen;
        let mut addresses = Vec::new();
        if wanted.is_empty() {
            return Ok(Self { running: None, addresses });
        }
        let shared = app.clone();
        let mut http = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .wrap(from_fn(crate::web::headers::secured))
                .configure(|cfg| drop(routes::operators(cfg)))
        })
        // Its own worker and few connections: who scrapes it cannot slow down who links an account.
        .workers(1)
        .max_connections(32)
        .disable_signals()
        .shutdown_timeout(1);
        for address in wanted {
            let failed = |e| Error::Io(format!("admin.listen {address}"), e);
            let listener = sockets::listen(*address).map_err(failed)?;
            addresses.extend(listener.local_addr());
            http = http.listen(listener).map_err(failed)?;
        }
        let server = http.run();
        Ok(Self { running: Some((server.handle(), tokio::spawn(server))), addresses })
    }

    /// Lets running requests finish, at most until `by`.
    pub(super) async fn stop(self, by: Instant) {
        if let Some((handle, task)) = self.running {
            let listener = async {
                handle.stop(true).await;
                let _ = task.await;
            };
            let _ = timeout_at(by, listener).await;
        }
    }
}
