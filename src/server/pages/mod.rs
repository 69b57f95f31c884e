//! The pages customers see, and the letters they get: templates, words, styles and script, all embedded.
//!
//! Owns `templates/` but for `templates/demo`, which is the demonstration's. One typed context a page ([`link`]), each with samples that a test renders in both
//! languages; one function a page on [`Pages`]. Knows no address but its own page's, no rule and no store: what a page
//! says is decided before it is called. Only this folder names the template engine and the localisation library.
//!
//! Pages work without script, run under `default-src 'none'` with our own two files, and are held to WCAG 2.2 AA
//! (requirements.md#ui). A PIN has no field in any context: it cannot return to a page.

mod assets;
mod chrome;
mod engine;
mod frame;
mod letter;
pub mod link;
pub mod parts;
pub mod samples;
#[cfg(test)]
mod tests;
mod time;
mod words;

pub use crate::language::Language;
pub use assets::{Asset, asset};
pub use chrome::{Chrome, InstitutionProfile};
pub use link::*;
pub use parts::*;
pub use words::WordsError;

use engine::Engine;
use frame::Framed;
use serde::Serialize;
use std::sync::Arc;

/// Why a page could not be made: a fault of ours, found by the tests that render every page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template.
    #[error("the template {0}: {1}")]
    Template(&'static str, String),
    /// The words.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// Templates or words cannot be loaded.
    #[error("the templates cannot be loaded: {0}")]
    Load(String),
}

/// Every page and letter of one institution. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    institution: Arc<InstitutionProfile>,
    ja: Arc<Engine>,
    en: Arc<Engine>,
}

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident($context:ty) = $template:literal;)+) => {
        impl Pages {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// A fault in the template or its words.
                pub fn $name(&self, chrome: &Chrome, page: &$context) -> Result<String, Error> {
                    self.render($template, chrome, page)
                }
            )+
        }
    };
}
pages! {
    /// ① ご利用口座情報入力
    account(AccountPage) = "account.html";
    /// ② お客様情報入力
    customer(CustomerPage) = "customer.html";
    /// ③ 電話番号の確認
    phone(PhonePage) = "phone.html";
    /// ④ 電話番号認証
    call(CallPage) = "call.html";
    /// ⑤ キャッシュカード暗証番号認証
    pin(PinPage) = "pin.html";
    /// ⑥ 情報連携認可
    consent(ConsentPage) = "consent.html";
    /// API連携認証の中止
    cancelled(CancelledPage) = "cancelled.html";
    /// API連携認証の一時停止
    locked(LockedPage) = "locked.html";
    /// The dead ends R34–R37.
    closed(ClosedPage) = "closed.html";
    /// Too late.
    expired(ExpiredPage) = "expired.html";
    /// Already completed.
    done(DonePage) = "done.html";
    /// An error that must not be redirected.
    oauth_error(OAuthErrorPage) = "oauth_error.html";
    /// The answer as a form.
    form_post(FormPostPage) = "form_post.html";
}

impl Pages {
    /// Loads templates and words.
    ///
    /// # Errors
    /// What is wrong with them: found at start, never at a customer's request.
    pub fn new(institution: InstitutionProfile) -> Result<Self, Error> {
        let institution = Arc::new(institution);
        Ok(Self {
            ja: Arc::new(Engine::load(Language::Ja, &institution)?),
            en: Arc::new(Engine::load(Language::En, &institution)?),
            institution,
        })
    }

    /// The institution these pages are of.
    #[must_use]
    pub fn institution(&self) -> &InstitutionProfile {
        &self.institution
    }

    /// The institution's own rule, served as `/assets/institution.css`: the one colour it sets.
    #[must_use]
    pub fn institution_css(&self) -> String {
        format!(":root {{ --institution: {}; }}\n", self.institution.color)
    }

    fn engine(&self, language: Language) -> &Engine {
        match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        }
    }

    fn render<P: Serialize + Framed>(
        &self,
        template: &'static str,
        chrome: &Chrome,
        page: &P,
    ) -> Result<String, Error> {
        self.engine(chrome.language).page(template, chrome, page, &self.institution)
    }

    /// The text of a message, for what is recorded or sent instead of shown.
    ///
    /// # Errors
    /// There is no such text, or it needs arguments.
    pub fn text(&self, language: Language, key: &str) -> Result<String, Error> {
        self.engine(language).text(key)
    }
}
