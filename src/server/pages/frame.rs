//! The frame in a page's context: title, screen ID, step, whether it shows an error or ends the interaction.

use super::InstitutionProfile;
use super::endings::*;
use super::link::*;
use super::my::*;
use crate::identity::Expired;
use serde::Serialize;

/// The frame of one page.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Frame<'a> {
    /// The text of `<title>` and heading.
    title: &'static str,
    /// 画面ID. Those of ① ③ ④ ⑤ ⑥ are the manual's. The one of ② is configured: the manual is illegible there (G20).
    screen: Option<&'a str>,
    /// 1 to 6; 0 for other pages.
    step: u8,
    /// Whether the title begins with 「エラー：」.
    error: bool,
    /// Whether the heading gets the focus; nothing can be typed.
    last: bool,
    /// Whether the script is loaded. Every page with a form of ours needs it, against submitting a form twice.
    script: bool,
}

impl<'a> Frame<'a> {
    /// The frame with the institution's settings.
    pub(super) fn of(self, institution: &'a InstitutionProfile) -> Self {
        match self.step {
            2 => Self { screen: Some(&institution.customer_screen_id), ..self },
            _ => self,
        }
    }
}

impl Frame<'_> {
    /// The frame on the customer's own page: its screens are not those of API連携認証.
    pub(super) fn on(self, my: bool) -> Self {
        let title = match self.title {
            "title-account" => "title-my-account",
            "title-customer" => "title-my-customer",
            "title-phone" => "title-my-phone",
            "title-call" => "title-my-call",
            "title-pin" => "title-my-pin",
            "title-locked" => "title-my-locked",
            other => other,
        };
        if my { Self { title, ..self } } else { self }
    }
}

/// A page with a frame.
pub(super) trait Framed {
    fn frame(&self) -> Frame<'static>;
}

const fn step(step: u8, title: &'static str, screen: &'static str, error: bool) -> Frame<'static> {
    Frame { title, screen: Some(screen), step, error, last: false, script: true }
}
const fn last(title: &'static str, error: bool) -> Frame<'static> {
    Frame { title, screen: None, step: 0, error, last: true, script: true }
}

impl Framed for AccountPage {
    fn frame(&self) -> Frame<'static> {
        step(1, "title-account", "SOA201", !self.problems.is_empty())
    }
}
impl Framed for CustomerPage {
    fn frame(&self) -> Frame<'static> {
        step(2, "title-customer", "SOA202", !self.problems.is_empty())
    }
}
impl Framed for PhonePage {
    fn frame(&self) -> Frame<'static> {
        step(3, "title-phone", "SOA208", !self.problems.is_empty())
    }
}
impl Framed for CallPage {
    fn frame(&self) -> Frame<'static> {
        step(4, "title-call", "SOA209", !self.problems.is_empty())
    }
}
impl Framed for PinPage {
    fn frame(&self) -> Frame<'static> {
        step(5, "title-pin", "SOA211", !self.problems.is_empty())
    }
}
impl Framed for ConsentPage {
    fn frame(&self) -> Frame<'static> {
        step(6, "title-consent", "SOA206", self.missing.is_some() || !self.problems.is_empty())
    }
}
impl Framed for CancelledPage {
    fn frame(&self) -> Frame<'static> {
        last("title-cancelled", false)
    }
}
impl Framed for LockedPage {
    fn frame(&self) -> Frame<'static> {
        last("title-locked", true)
    }
}
impl Framed for ClosedPage {
    fn frame(&self) -> Frame<'static> {
        let title = match self.why {
            Closed::Hours { .. } => "title-closed",
            Closed::Reopened { .. } => "title-reopened",
            Closed::Busy | Closed::TooMany { .. } => "title-busy",
            Closed::TooOften { .. } => "title-too-often",
            Closed::NoAccount => "title-no-account",
            Closed::InvalidGrant => "title-invalid-grant",
            Closed::NoDays => "title-no-days",
            Closed::Failed => "title-failed",
            Closed::Off => "title-off",
        };
        last(title, !matches!(self.why, Closed::Reopened { .. }))
    }
}
impl Framed for ExpiredPage {
    fn frame(&self) -> Frame<'static> {
        let title = match self.why {
            Expired::Call => "title-expired-call",
            Expired::Time => "title-expired-time",
            Expired::Elsewhere | Expired::UnknownAccounts => "title-expired-elsewhere",
        };
        last(title, true)
    }
}
impl Framed for DonePage {
    fn frame(&self) -> Frame<'static> {
        if self.complete { last("title-done", false) } else { last("title-handover", true) }
    }
}
const fn my(title: &'static str) -> Frame<'static> {
    Frame { title, screen: None, step: 0, error: false, last: false, script: true }
}
impl Framed for MyLinksPage {
    fn frame(&self) -> Frame<'static> {
        my("title-my")
    }
}
impl Framed for MyEndedPage {
    fn frame(&self) -> Frame<'static> {
        my("title-my-ended")
    }
}
impl Framed for MyReceiptPage {
    fn frame(&self) -> Frame<'static> {
        my("title-my-receipt")
    }
}
impl Framed for MyCancelledPage {
    fn frame(&self) -> Frame<'static> {
        last("title-my-cancelled", false)
    }
}
impl Framed for NowherePage {
    fn frame(&self) -> Frame<'static> {
        last(if self.home { "title-home" } else { "title-nowhere" }, !self.home)
    }
}
impl Framed for OAuthErrorPage {
    fn frame(&self) -> Frame<'static> {
        last("title-oauth-error", true)
    }
}
impl Framed for FormPostPage {
    fn frame(&self) -> Frame<'static> {
        // It has a script of its own and submits itself at once.
        Frame { script: false, ..last("title-form-post", false) }
    }
}
