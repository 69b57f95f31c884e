//! `[limits]`: how much one caller may cost everybody else.

use crate::client::rate::Rate;
use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Pushed requests of one client that nobody has begun with.
    pub pushed_requests: u32,
    /// Answers a second that one client may have stored at the PAR and token endpoints.
    pub answers_per_second: u32,
    /// How many of them it may have at once.
    pub answers_burst: u32,
}
impl Default for Limits {
    fn default() -> Self {
        Self {
            // What one client may have.
            pushed_requests: 200,
            answers_per_second: 20,
            answers_burst: 200,
        }
    }
}
impl Limits {
    /// How fast a client may have answers stored whose record says nothing about it.
    #[must_use]
    pub const fn answers(&self) -> Rate {
        Rate { per_second: self.answers_per_second, burst: self.answers_burst }
    }
}
