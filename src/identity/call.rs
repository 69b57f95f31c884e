//! ④: the number to call, the window, the call that was seen (domain §1.6, §4).

use super::personal;
use crate::clock::Instant;
use crate::phone::Phone;
use serde::{Deserialize, Serialize};

/// The number a customer is to call, and until when. Set in the transaction that confirms ③; a reload shows the same
/// (domain G10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calling {
    /// The number to call.
    #[serde(with = "personal::phone")]
    pub called: Phone,
    /// When it was given out.
    pub since: Instant,
    /// A call counts when it came no later.
    pub call_until: Instant,
    /// 確定する counts when pressed no later.
    pub confirm_until: Instant,
    /// The how many-th number of this way (domain G12, knob `call_attempts`).
    pub attempt: u32,
}

/// What ④ shows (contract §2, `call/status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// No call yet.
    Waiting,
    /// The call was seen: 確定する leads on.
    Seen,
    /// A call without its number came to this number (domain G14).
    Withheld,
    /// The window has passed.
    Expired,
}
impl CallState {
    /// The word of `call/status` and of `data-state`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Seen => "seen",
            Self::Withheld => "withheld",
            Self::Expired => "expired",
        }
    }
}
