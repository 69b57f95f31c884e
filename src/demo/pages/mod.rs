//! The pages of the sample apps and of the simulator: what they show ([`contexts`]), their templates and words
//! (`templates/demo`), and the stylesheet they share with the authorization server (`templates/assets`).
//!
//! They wear other colours than the institution's own pages, so that nobody takes them for the bank.

mod assets;
pub mod contexts;
mod documents;
mod engine;
pub mod samples;
#[cfg(test)]
mod tests;

pub use assets::asset;
pub(crate) use assets::file;
pub use contexts::*;
pub use documents::Document;

use engine::Engine;
use serde::Serialize;
use std::sync::Arc;

/// Why a page could not be made: a fault of ours, found by the tests that render every page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template, or a text in it.
    #[error("the template {0}: {1}")]
    Template(&'static str, String),
    /// Templates or words cannot be loaded.
    #[error("the templates cannot be loaded: {0}")]
    Load(String),
}

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}
impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The first of `ui_locales` (OpenID Connect Core §3.1.2.1: space-separated BCP 47 tags) that the pages speak.
    #[must_use]
    pub fn of_ui_locales(tags: &str) -> Option<Self> {
        tags.split_ascii_whitespace().find_map(|tag| Self::parse(tag.split(['-', '_']).next()?))
    }
    /// The language of its two-letter name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.as_str().eq_ignore_ascii_case(name))
    }
    /// The two-letter name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }
    /// The one to switch to.
    const fn other(self) -> Self {
        match self {
            Self::Ja => Self::En,
            Self::En => Self::Ja,
        }
    }
}

/// The pages. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    ja: Arc<Engine>,
    en: Arc<Engine>,
}

impl Pages {
    /// Loads templates and words.
    ///
    /// # Errors
    /// What is wrong with them: found at start, never at a request.
    pub fn new() -> Result<Self, Error> {
        Ok(Self { ja: Arc::new(Engine::load(Language::Ja)?), en: Arc::new(Engine::load(Language::En)?) })
    }

    /// The sample app.
    ///
    /// # Errors
    /// A fault in the template or its words; so for the other pages.
    pub fn app(&self, language: Language, page: &AppPage) -> Result<String, Error> {
        self.engine(language).page("app.html", "/", page)
    }
    /// The second sample app.
    ///
    /// # Errors
    /// As [`Pages::app`].
    pub fn kakeibo(&self, language: Language, page: &KakeiboPage) -> Result<String, Error> {
        self.engine(language).page("kakeibo.html", "/kakeibo", page)
    }
    /// The phone and mailbox simulator.
    ///
    /// # Errors
    /// As [`Pages::app`].
    pub fn simulator(&self, language: Language, page: &SimulatorPage) -> Result<String, Error> {
        self.engine(language).page("simulator.html", "/", page)
    }

    /// A document that pages of the demo lead to.
    ///
    /// # Errors
    /// As [`Pages::app`].
    pub fn document(&self, language: Language, document: Document) -> Result<String, Error> {
        let path = format!("/documents/{}", document.name());
        self.engine(language).page("document.html", &path, &document.page())
    }

    fn engine(&self, language: Language) -> &Engine {
        match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        }
    }
}
