//! The states of a grant. Each transition consumes the old state, so that an impossible one does not compile.

use crate::clock::Instant;
use crate::id::GrantId;
use crate::refusal::LinkEnd;

/// Why a grant ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The app revoked it (RFC 7009).
    Client,
    /// The customer stopped sharing.
    Customer,
    /// The institution ended it, with a reason in its own words (R88).
    Institution {
        /// The reason, for the audit record.
        note: String,
    },
    /// The account was moved or closed, or its holder died (G24).
    Account,
    /// Its authorization code was presented again (RFC 6749 §4.1.2).
    Replay,
    /// A newer grant of the same client and account replaced it (G23).
    Replaced {
        /// The newer grant.
        by: GrantId,
    },
    /// It expired (R4).
    Expired,
}
impl Reason {
    /// The value of `by` in docs/events.md and in the stored column.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Customer => "customer",
            Self::Institution { .. } => "institution",
            Self::Account => "account",
            Self::Replay => "replay",
            Self::Replaced { .. } => "replaced",
            Self::Expired => "expired",
        }
    }
}

/// Who or what revoked a grant: `by` in `grant.revoked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The client.
    Client,
    /// The customer.
    Customer,
    /// The institution.
    Institution,
    /// An event of the account.
    Account,
    /// A replayed code.
    Replay,
}
impl By {
    /// The value in the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Customer => "customer",
            Self::Institution => "institution",
            Self::Account => "account",
            Self::Replay => "replay",
        }
    }
    /// Parses the stored value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Client, Self::Customer, Self::Institution, Self::Account, Self::Replay];
        all.into_iter().find(|by| by.as_str() == text)
    }
}

/// The state of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantState {
    /// Consent was given; the code has not been redeemed yet.
    Pending,
    /// The app holds tokens.
    Active {
        /// When the code was redeemed.
        since: Instant,
    },
    /// A newer grant replaced it.
    Replaced {
        /// When.
        at: Instant,
        /// The newer grant.
        by: GrantId,
    },
    /// It was revoked before it expired.
    Revoked {
        /// When.
        at: Instant,
        /// By whom.
        by: By,
    },
    /// It expired.
    Expired {
        /// When.
        at: Instant,
    },
}

/// A transition that the grant's state does not allow: it has ended, or was redeemed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the grant's state does not allow this")]
pub struct NotNow;

impl GrantState {
    /// The stored value.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active { .. } => "active",
            Self::Replaced { .. } => "replaced",
            Self::Revoked { .. } => "revoked",
            Self::Expired { .. } => "expired",
        }
    }
    /// Whether it has not ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Pending | Self::Active { .. })
    }
    /// When it ended.
    #[must_use]
    pub const fn ended_at(&self) -> Option<Instant> {
        match self {
            Self::Pending | Self::Active { .. } => None,
            Self::Replaced { at, .. } | Self::Revoked { at, .. } | Self::Expired { at } => Some(*at),
        }
    }
    /// Why it ended, as its app reads it; `None` while it is open.
    #[must_use]
    pub const fn link_end(&self) -> Option<LinkEnd> {
        Some(match self {
            Self::Pending | Self::Active { .. } => return None,
            Self::Replaced { .. } => LinkEnd::Replaced,
            Self::Expired { .. } => LinkEnd::Expired,
            Self::Revoked { by, .. } => match by {
                By::Client => LinkEnd::Client,
                By::Customer => LinkEnd::Customer,
                By::Institution => LinkEnd::Institution,
                By::Account => LinkEnd::Account,
                By::Replay => LinkEnd::Replay,
            },
        })
    }
    /// The code was redeemed; possible once.
    ///
    /// # Errors
    /// [`NotNow`] unless pending.
    pub fn activate(self, now: Instant) -> Result<Self, NotNow> {
        match self {
            Self::Pending => Ok(Self::Active { since: now }),
            _ => Err(NotNow),
        }
    }
    /// It ends for good.
    ///
    /// # Errors
    /// [`NotNow`] when it has ended already.
    pub fn end(self, reason: &Reason, now: Instant) -> Result<Self, NotNow> {
        if !self.is_open() {
            return Err(NotNow);
        }
        let revoked = |by| Self::Revoked { at: now, by };
        Ok(match reason {
            Reason::Client => revoked(By::Client),
            Reason::Customer => revoked(By::Customer),
            Reason::Institution { .. } => revoked(By::Institution),
            Reason::Account => revoked(By::Account),
            Reason::Replay => revoked(By::Replay),
            Reason::Replaced { by } => Self::Replaced { at: now, by: by.clone() },
            Reason::Expired => Self::Expired { at: now },
        })
    }
}
