//! `[admin]`, `[traces]` and the format of the log: what operators look at.

use super::{Config, Mode, Server};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `server.drain` in production: a balancer that looks every five seconds has seen two refusals.
const DRAIN: Duration = Duration::from_secs(15);

impl Server {
    /// `server.drain`; without the key 15 s in production, and none in a test or a demo.
    #[must_use]
    pub fn drain_for(&self) -> Duration {
        self.drain.map_or(if self.mode == Mode::Production { DRAIN } else { Duration::ZERO }, |drain| drain.get())
    }
}

/// `[admin]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Addresses for `/metrics` and `/readyz` with components; none by default.
    pub listen: Vec<SocketAddr>,
    /// The socket of the command line; see [`Config::admin_sockets`].
    pub socket: Option<PathBuf>,
    /// The group that may use it beside the service's user and root.
    pub group: Option<String>,
    /// Those of the group who may also read records and full account numbers.
    pub records_group: Option<String>,
}

/// `[traces]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// Where spans are sent (OTLP over HTTP); without it nothing is traced.
    pub endpoint: Option<String>,
    /// The share of the traces that begin here and are sent.
    pub sample: f64,
    /// Networks whose `traceparent` is followed.
    pub follow: Vec<String>,
}
impl Default for TracesConfig {
    fn default() -> Self {
        Self { endpoint: None, sample: 0.01, follow: Vec::new() }
    }
}

/// The admin socket of a server in production that has no `admin.socket`.
pub const ADMIN_SOCKET: &str = "/run/renkei/admin.sock";
/// The name of the admin socket in the data folder.
pub const OWN_SOCKET: &str = "admin.sock";

impl Config {
    /// Where the admin socket is: the first of these that can be made. In production that is [`ADMIN_SOCKET`], and the data folder where
    /// `/run` cannot be written, as in a container with a read-only root. A demo and a test keep it in their data folder.
    #[must_use]
    pub fn admin_sockets(&self) -> Vec<PathBuf> {
        let own = self.server.data_dir.join(OWN_SOCKET);
        match (self.server.mode, &self.admin.socket) {
            (Mode::Demo, _) | (Mode::Test, None) => vec![own],
            (_, Some(socket)) => vec![socket.clone()],
            (Mode::Production, None) => vec![PathBuf::from(ADMIN_SOCKET), own],
        }
    }
}

/// `server.log_format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object for each line.
    Json,
    /// For people.
    Text,
}
