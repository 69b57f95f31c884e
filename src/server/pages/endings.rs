//! The contexts of the pages at which a link does not go on: cancelled, locked, closed, expired, done, errors.

use crate::clock::Instant;
use crate::identity::Expired;
use serde::Serialize;

/// 「API連携認証の中止」 (R8)
#[derive(Debug, Clone, Serialize)]
pub struct CancelledPage {
    /// The app.
    pub app: String,
    /// Its record: from ② on.
    pub record: Option<CancelRecord>,
    /// Whether ① to ⑤ were passed. If not, the page is the same for every account.
    pub passed: bool,
    /// When the links of this app and account end, if ① to ⑤ were passed.
    pub living: Vec<Instant>,
}

/// What staff find a cancellation by.
#[derive(Debug, Clone, Serialize)]
pub struct CancelRecord {
    /// When it was cancelled.
    pub at: Instant,
    /// 受付番号
    pub reference: String,
}

/// 「API連携認証の一時停止」 (R32, R33)
#[derive(Debug, Clone, Serialize)]
pub struct LockedPage {
    /// Whether it was locked before this attempt: R33 instead of R32.
    pub before: bool,
    /// When the lock ends; `None`: the institution must release it (G5).
    pub until: Option<Instant>,
}

/// Why the service is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Closed {
    /// R34: outside service hours.
    Hours {
        /// When the service opens again.
        reopens: Option<Instant>,
    },
    /// It was closed, and is open again.
    Reopened {
        /// Whether the customer can begin again with the same request.
        can_restart: bool,
    },
    /// R35: busy.
    Busy,
    /// This network has begun too many interactions.
    TooOften {
        /// When it may begin again.
        until: Instant,
    },
    /// R35: too many interactions have begun in all.
    TooMany {
        /// When to try again.
        until: Instant,
    },
    /// R30 at ⑥: none of the requested accounts can be shared.
    NoAccount,
    /// The link that the app asks to change is over, or another person's.
    InvalidGrant,
    /// The app asks for days that no link could hold.
    NoDays,
    /// R36: an error of ours.
    Failed,
    /// R37: switched off.
    Off,
}

/// R30 (at ⑥) and R34–R37: a page that only leads back to the app.
#[derive(Debug, Clone, Serialize)]
pub struct ClosedPage {
    /// The reason.
    pub why: Closed,
    /// Whether the page has 連携元画面へ: not if no app is known yet.
    pub can_return: bool,
}

/// 「お電話の期限が過ぎました」 and the other pages for being too late (R57, G28)
#[derive(Debug, Clone, Default, Serialize)]
pub struct ExpiredPage {
    /// The reason.
    pub why: Expired,
    /// The length of the call window, in seconds.
    pub window: u64,
    /// Whether it ended because nothing was done, if time is the reason.
    pub idle: bool,
    /// How many minutes were over then: without a step, or since the start.
    pub minutes: u64,
    /// Whether the customer can begin again with the same request.
    pub can_restart: bool,
    /// Whether the page has 連携元画面へ.
    pub can_return: bool,
    /// For an interaction that is kept no longer, and was this browser's: its app.
    pub gone: Option<GoneApp>,
}
/// The app of an interaction that is kept no longer. Nothing can be sent to it any more, but its customer can go there.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GoneApp {
    /// Its name; empty for the customer's own page.
    pub name: String,
    /// Its home page, if its record has one.
    pub home: Option<String>,
}

/// The page of an interaction whose customer has agreed.
#[derive(Debug, Clone, Serialize)]
pub struct DonePage {
    /// The app.
    pub app: String,
    /// Whether the app has redeemed its code.
    pub complete: bool,
}

/// `/`, and the page of an address where nothing is.
#[derive(Debug, Clone, Serialize)]
pub struct NowherePage {
    /// Whether it is `/`.
    pub home: bool,
}

/// An error without a valid redirect_uri (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Serialize)]
pub struct OAuthErrorPage {
    /// The code, for the app's developer.
    pub error: String,
    /// The description, for the app's developer.
    pub description: String,
}

/// `response_mode=form_post` (OAuth 2.0 Form Post Response Mode §2): a self-submitting form, with a button for browsers
/// without scripts.
#[derive(Clone, Serialize)]
pub struct FormPostPage {
    /// The app's name.
    pub app: String,
    /// The redirect URI.
    pub action: String,
    /// The response's parameters.
    pub fields: Vec<(String, String)>,
}
impl std::fmt::Debug for FormPostPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormPostPage(…)")
    }
}
