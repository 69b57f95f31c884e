//! The documents that pages of the demo lead to: terms, questions, what a provider has to publish. Invented, as everything here.

use serde::Serialize;

/// The terms of the demo's institution. The server records the digest of this very text with each consent.
const API_TERMS: &str = include_str!("../../../config/demo/terms.txt");

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// API利用規定 of the institution.
    ApiTerms,
    /// Its よくあるご質問.
    Faq,
    /// 利用規約 of the sample app.
    Terms,
    /// What its provider has to publish (銀行法 52条の61の10).
    Disclosure,
}
impl Document {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ApiTerms, Self::Faq, Self::Terms, Self::Disclosure];

    /// The last part of its address.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiTerms => "api-terms",
            Self::Faq => "faq",
            Self::Terms => "terms",
            Self::Disclosure => "disclosure",
        }
    }
    /// Whether it is the institution's; the others are the sample app's.
    #[must_use]
    pub const fn of_bank(self) -> bool {
        matches!(self, Self::ApiTerms | Self::Faq)
    }
    /// The document of this name.
    #[must_use]
    pub fn find(name: &str, of_bank: bool) -> Option<Self> {
        Self::ALL.into_iter().find(|document| document.name() == name && document.of_bank() == of_bank)
    }
    /// What its page shows.
    pub(super) fn page(self) -> DocumentPage {
        let (paragraphs, text) = match self {
            Self::ApiTerms => (0, API_TERMS),
            Self::Faq => (3, ""),
            Self::Terms | Self::Disclosure => (2, ""),
        };
        // The first line of the text is its title.
        let text = text.lines().skip(1).filter(|line| !line.is_empty()).collect();
        DocumentPage { name: self.name(), of_bank: self.of_bank(), paragraphs: (1..=paragraphs).collect(), text }
    }
}

/// A document's page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DocumentPage {
    name: &'static str,
    of_bank: bool,
    /// Its paragraphs in the locale files.
    paragraphs: Vec<u8>,
    /// A text that has no translation.
    text: Vec<&'static str>,
}
