//! `[admin]`, and the format of the log: what operators look at.

use super::{Mode, Server};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
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
