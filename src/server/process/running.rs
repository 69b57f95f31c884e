//! A running server, and how it stops.

use super::{SampleBank, admin, jobs, operators, reload, reserve, sockets, tls};
use crate::web::App;
use actix_web::web;
use futures_util::FutureExt as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// After the drain: how long it takes at most until a connection that has arrived is accepted and its request is read.
const ARRIVAL: Duration = Duration::from_millis(500);

/// How long the store may take when somebody has told the server to stop at once.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A running server.
pub struct Running {
    /// The state of the handlers.
    pub app: web::Data<App>,
    /// The addresses it listens on, with their actual ports.
    pub addresses: Vec<SocketAddr>,
    /// The addresses of the listener for client certificates.
    pub mtls_addresses: Vec<SocketAddr>,
    /// The sockets of both, for the end.
    pub(super) listeners: Vec<TcpListener>,
    pub(super) operators: operators::Operators,
    pub(super) identity: Option<Arc<tls::ServerCertificate>>,
    pub(super) provider: Arc<rustls::crypto::CryptoProvider>,
    pub(super) in_force: Mutex<reload::InForce>,
    pub(super) admin: admin::Admin,
    pub(super) jobs: jobs::Jobs,
    pub(super) certificate: tokio::task::JoinHandle<()>,
    pub(super) sample_bank: Option<SampleBank>,
    pub(super) handle: actix_web::dev::ServerHandle,
    pub(super) task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// The addresses of `admin.listen`.
    #[must_use]
    pub fn operator_addresses(&self) -> &[SocketAddr] {
        &self.operators.addresses
    }
    /// Stops; see [`Self::stop_or_hurry`].
    pub async fn stop(self) {
        self.stop_or_hurry(std::future::pending()).await;
    }
    /// Stops. For `server.drain` it serves everything and says that it is not ready, so that whoever balances the load
    /// uses another node. Then nobody arrives any more, and who has arrived is served. Then, within `server.shutdown_grace` and
    /// even if something does not respond, it closes its listeners, lets running requests and jobs finish, and closes the store.
    /// When `hurry` ends, it waits for no request any more.
    pub async fn stop_or_hurry(self, hurry: impl Future<Output = ()>) {
        let hurry = hurry.shared();
        self.app.ready.store(false, Ordering::Release);
        let drain = self.app.config.server.drain_for();
        if !drain.is_zero() {
            tracing::info!(seconds = drain.as_secs(), "not ready any more; still serving for server.drain");
            tokio::select! { () = sleep(drain) => {}, () = hurry.clone() => {} }
            for listener in &self.listeners {
                if let Err(cause) = sockets::let_none_arrive(listener) {
                    tracing::warn!(%cause, "a request that comes in this moment may be refused");
                }
            }
            tokio::select! { () = sleep(ARRIVAL) => {}, () = hurry.clone() => {} }
        }
        // As long as there is a copy, the port is open.
        drop(self.listeners);
        self.certificate.abort();
        self.app.streams.close();
        let mut end = Instant::now() + self.app.config.server.shutdown_grace.get();
        let requests = end - reserve(&self.app.config);
        let (handle, task) = (self.handle.clone(), self.task);
        let listeners = async move {
            handle.stop(true).await;
            let _ = task.await;
        };
        let ended = async {
            let (listened, (), (), ()) = tokio::join!(
                timeout_at(requests, listeners),
                self.admin.stop(requests),
                self.operators.stop(requests),
                self.jobs.stop(requests)
            );
            if listened.is_err() {
                tracing::warn!("requests under way have not ended within server.shutdown_grace");
            }
        };
        tokio::select! {
            () = ended => {}
            () = hurry => {
                tracing::warn!("told again to stop: requests under way are broken off");
                // Asks the workers to end; what they do not end now ends with the process.
                drop(self.handle.stop(false));
                end = end.min(Instant::now() + AT_ONCE);
            }
        }
        jobs::last_uses(&self.app, end).await;
        self.app.store.stop_within(end.saturating_duration_since(Instant::now())).await;
        if let Some(bank) = self.sample_bank {
            (bank.stop)().await;
        }
    }
}
