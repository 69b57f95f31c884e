//! `[keys]`: the rotation of our signing keys.

use super::Span;
use crate::keys::ring::RotationPolicy;
use serde::{Deserialize, Serialize};

/// `[keys]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// How long a key signs.
    pub rotate_every: Span,
    /// How long a key is published before it signs.
    pub publish_before: Span,
    /// How long a key is published after its last signature.
    pub keep_retired: Span,
}
impl Default for Keys {
    fn default() -> Self {
        Self { rotate_every: Span::days(90), publish_before: Span::days(1), keep_retired: Span::days(2) }
    }
}
impl Keys {
    /// The same times for the ring.
    #[must_use]
    pub fn policy(&self) -> RotationPolicy {
        RotationPolicy {
            rotate_every: self.rotate_every.get(),
            publish_before: self.publish_before.get(),
            keep_retired: self.keep_retired.get(),
        }
    }
}
