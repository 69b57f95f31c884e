//! `[admin]`, and the format of the log: what operators look at.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

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
