//! What this installation lets a client record say.

use super::{Config, Mode};
use crate::authorize::rules::catalogue;
use crate::client::metadata::Rules;
use std::time::Duration;

impl Config {
    /// See [`client_rules`].
    #[must_use]
    pub fn client_rules(&self) -> Rules {
        client_rules(self.server.mode, self.tokens.grant_lifetime.get())
    }
}

/// The scopes and details that exist, the longest grant, and http on loopback wherever this is not production.
#[must_use]
pub fn client_rules(mode: Mode, grant_lifetime: Duration) -> Rules {
    Rules {
        loopback_http: mode != Mode::Production,
        scopes: Some(catalogue()),
        grant_lifetime,
        detail_types: Some(vec!["account_information".into()]),
    }
}
