//! How an interaction ends, and which message the customer reads then.

use super::message::Message;
use super::personal;
use crate::clock::Instant;
use crate::secret::Hash;
use serde::{Deserialize, Serialize};

/// How an interaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// 中止する on ① to ⑤ (R8) → `access_denied`.
    Cancelled,
    /// 拒否する at ⑥ (R8): ① to ⑤ were passed → `access_denied`.
    Denied {
        /// The keyed index of the verified account: its holder may read which link lives on.
        #[serde(with = "personal::hash")]
        account: Hash,
    },
    /// The account is locked → `access_denied`.
    Locked {
        /// It was locked before this attempt: R33 instead of R32.
        before: bool,
        /// Until when; `None` until an operator releases it (G5).
        until: Option<Instant>,
    },
    /// Outside service hours (R34) → `temporarily_unavailable`.
    Closed {
        /// When the service opens again.
        until: Instant,
    },
    /// No account can be shared: the verified account was closed meanwhile, or the accounts named in the request are
    /// not the customer's (R30) → `access_denied`.
    NoAccount,
    /// The link that the app asks to change is over, or another person's → `invalid_grant_id`.
    InvalidGrant,
    /// The app asks for days of which the link could hold none → `invalid_authorization_details`.
    NoDays,
    /// A failure on our side (R36) → `server_error`.
    Failed,
    /// The customer left while the whole service was busy (R35) → `temporarily_unavailable`.
    Busy,
    /// The customer left while the service was switched off (R37) → `temporarily_unavailable`.
    Off,
    /// 終了する on the customer's own page; no app hears of it.
    Finished,
    /// Too late, or the request was completed elsewhere → `access_denied`.
    Expired(Expired),
}
impl Ending {
    /// The message on the page, if it is one of R30 to R57.
    #[must_use]
    pub const fn message(self) -> Option<Message> {
        match self {
            Self::Locked { before: false, .. } => Some(Message::R32),
            Self::Locked { before: true, .. } => Some(Message::R33),
            Self::Closed { .. } => Some(Message::R34),
            Self::NoAccount => Some(Message::R30),
            Self::InvalidGrant => Some(Message::InvalidGrant),
            Self::NoDays => Some(Message::NoDays),
            Self::Failed => Some(Message::R36),
            Self::Busy => Some(Message::R35),
            Self::Off => Some(Message::R37),
            Self::Expired(Expired::Call) => Some(Message::R57),
            Self::Expired(Expired::UnknownAccounts) => Some(Message::UnknownAccounts),
            Self::Cancelled | Self::Denied { .. } | Self::Finished | Self::Expired(_) => None,
        }
    }
    /// The screen that shows the ending: the last part of its address (requirements.md#forms).
    #[must_use]
    pub const fn screen(self) -> &'static str {
        match self {
            Self::Cancelled | Self::Denied { .. } | Self::Finished => "cancelled",
            Self::Locked { .. } => "locked",
            Self::Closed { .. }
            | Self::NoAccount
            | Self::InvalidGrant
            | Self::NoDays
            | Self::Failed
            | Self::Busy
            | Self::Off => "closed",
            Self::Expired(_) => "expired",
        }
    }
}

/// Why it is too late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expired {
    /// S4T: the 120 seconds are over (R57).
    Call,
    /// Fifteen minutes without a step, or thirty minutes in total.
    Time,
    /// The request was completed by another browser.
    #[default]
    Elsewhere,
    /// Too many accounts were entered that the service does not know (G3).
    UnknownAccounts,
}
