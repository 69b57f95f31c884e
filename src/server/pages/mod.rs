//! The pages for customers and the letters to them: templates, texts, styles and script, all embedded.
//!
//! Owns `templates/` without `templates/demo`, which belongs to the demonstration. Each page has a typed context
//! ([`link`]) with samples, which a test renders in both languages, and a function on [`Pages`]. Has no rules and no
//! store: callers decide what a page says. Only this folder uses the template engine and the localisation library.
//!
//! Pages work without script, run with `default-src 'none'` and our own two files, and conform to WCAG 2.2 AA
//! (requirements.md#ui). No context has a field for a PIN, so a page cannot contain one.

mod assets;
mod chrome;
pub mod endings;
mod engine;
mod frame;
mod letter;
pub mod link;
mod logo;
pub mod my;
pub mod parts;
pub mod samples;
mod shown;
#[cfg(test)]
mod tests;
mod time;
mod words;

pub use crate::language::Language;
pub use assets::{Asset, asset};
pub use chrome::{Chrome, InstitutionProfile, LOGO_PATH};
pub use endings::*;
pub use link::*;
pub use logo::{LARGEST_LOGO, LogoError, logo};
pub use my::*;
pub use parts::*;
pub use shown::ShownConsent;
pub use words::WordsError;

use crate::consent::AgreedWords;
use arc_swap::ArcSwap;
use engine::Engine;
use frame::Framed;
use serde::Serialize;
use std::sync::Arc;

/// Why a page could not be rendered: our error; tests that render every page find it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An error in a template.
    #[error("the template {0}: {1}")]
    Template(&'static str, String),
    /// An error in a text.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// Templates or texts cannot be loaded.
    #[error("the templates cannot be loaded: {0}")]
    Load(String),
}

/// Every page and letter of one institution. Cheap to clone; every clone sees [`Pages::take`].
#[derive(Clone)]
pub struct Pages(Arc<ArcSwap<Loaded>>);
struct Loaded {
    institution: Arc<InstitutionProfile>,
    ja: Arc<Engine>,
    en: Arc<Engine>,
    /// The Japanese texts.
    texts: Arc<str>,
}

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident($context:ty) = $template:literal;)+) => {
        impl Pages {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// An error in the template or its texts.
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
    /// API連携認証の中止
    cancelled(CancelledPage) = "cancelled.html";
    /// API連携認証の一時停止
    locked(LockedPage) = "locked.html";
    /// R30 at ⑥ and R34–R37.
    closed(ClosedPage) = "closed.html";
    /// Too late.
    expired(ExpiredPage) = "expired.html";
    /// Already completed.
    done(DonePage) = "done.html";
    /// 連携サービスの確認・停止
    my_links(MyLinksPage) = "my_links.html";
    /// 終了した連携
    my_ended(MyEndedPage) = "my_ended.html";
    /// 連携の控え
    my_receipt(MyReceiptPage) = "my_receipt.html";
    /// The end of the customer's own page.
    my_cancelled(MyCancelledPage) = "my_cancelled.html";
    /// `/`, and where nothing is.
    nowhere(NowherePage) = "nowhere.html";
    /// An error that must not be redirected.
    oauth_error(OAuthErrorPage) = "oauth_error.html";
    /// The response as a form.
    form_post(FormPostPage) = "form_post.html";
}

impl Loaded {
    fn new(institution: InstitutionProfile, texts: Arc<str>) -> Result<Self, Error> {
        let english = engine::locale(Language::En)?;
        Ok(Self {
            ja: Arc::new(Engine::load(Language::Ja, (&texts, &texts), &institution)?),
            en: Arc::new(Engine::load(Language::En, (&english, &texts), &institution)?),
            institution: Arc::new(institution),
            texts,
        })
    }
    const fn engine(&self, language: Language) -> &Arc<Engine> {
        match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        }
    }
}

impl Pages {
    /// Loads templates and texts.
    ///
    /// # Errors
    /// An error in them: found at the start, never at a customer's request.
    pub fn new(institution: InstitutionProfile) -> Result<Self, Error> {
        Self::with_japanese(institution, &engine::locale(Language::Ja)?)
    }
    /// The same with Japanese texts of the caller in place of our own.
    ///
    /// # Errors
    /// An error in the templates or in these texts.
    pub fn with_japanese(institution: InstitutionProfile, texts: &str) -> Result<Self, Error> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(Loaded::new(institution, texts.into())?))))
    }
    /// The same pages for a changed institution.
    ///
    /// # Errors
    /// An error in the templates.
    pub fn changed(&self, institution: InstitutionProfile) -> Result<Self, Error> {
        let texts = self.0.load().texts.clone();
        Ok(Self(Arc::new(ArcSwap::from_pointee(Loaded::new(institution, texts)?))))
    }
    /// Shows the other's pages from now on, in every clone.
    pub fn take(&self, other: &Self) {
        self.0.store(other.0.load_full());
    }

    /// ⑥ 情報連携認可, with its words.
    ///
    /// # Errors
    /// An error in the template or its texts.
    pub fn shown_consent(&self, chrome: &Chrome, page: &ConsentPage) -> Result<ShownConsent, Error> {
        ShownConsent::new(chrome.language, self.marked("consent.html", chrome, page)?)
    }
    /// ⑥ without a digest in its form.
    ///
    /// # Errors
    /// An error in the template or its texts.
    pub fn consent(&self, chrome: &Chrome, page: &ConsentPage) -> Result<String, Error> {
        Ok(self.shown_consent(chrome, page)?.html(""))
    }

    /// The words of ⑥ for a receipt: without what stands on its buttons.
    ///
    /// # Errors
    /// An error in the texts.
    pub fn agreed(&self, words: AgreedWords) -> Result<ShownWords, Error> {
        let AgreedWords { language, sentences, ticks } = words;
        let texts = |key| self.text(language, key);
        let (unsaid, new_tab) = ([texts("allow")?, texts("deny")?, texts("binding-text")?], texts("new-tab")?);
        let mark = |place| match ticks.iter().find(|(own, _)| *own == place) {
            Some((_, true)) => "ticked",
            Some((_, false)) => "unticked",
            None => "",
        };
        let sentences = sentences.into_iter().enumerate().filter(|(_, said)| !unsaid.contains(said));
        let shown = |(place, said): (usize, String)| {
            let text = said.replace(new_tab.trim(), "").trim().to_owned();
            ShownSentence { mark: mark(place), text }
        };
        Ok(ShownWords { language: language.as_str(), sentences: sentences.map(shown).collect() })
    }

    /// The institution of these pages.
    #[must_use]
    pub fn institution(&self) -> Arc<InstitutionProfile> {
        self.0.load().institution.clone()
    }

    /// The institution's own CSS rule, served as `/assets/institution.css`: its colour.
    #[must_use]
    pub fn institution_css(&self) -> String {
        format!(":root {{ --institution: {}; }}\n", self.0.load().institution.color)
    }

    fn engine(&self, language: Language) -> Arc<Engine> {
        self.0.load().engine(language).clone()
    }

    fn render<P: Serialize + Framed>(
        &self,
        template: &'static str,
        chrome: &Chrome,
        page: &P,
    ) -> Result<String, Error> {
        Ok(shown::unmarked(self.marked(template, chrome, page)?))
    }
    fn marked<P: Serialize + Framed>(
        &self,
        template: &'static str,
        chrome: &Chrome,
        page: &P,
    ) -> Result<String, Error> {
        let loaded = self.0.load();
        loaded.engine(chrome.language).page(template, chrome, page, &loaded.institution)
    }

    /// A text, for what is recorded or sent instead of shown.
    ///
    /// # Errors
    /// There is no such text, or it needs arguments.
    pub fn text(&self, language: Language, key: &str) -> Result<String, Error> {
        self.engine(language).text(key)
    }
}
