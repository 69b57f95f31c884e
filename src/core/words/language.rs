//! The languages of this server.

use serde::{Deserialize, Serialize};

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Japanese: the exact text of the screens; legal texts exist only in it.
    #[default]
    Ja,
    /// English.
    En,
}
impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The first of `ui_locales` (OpenID Connect Core §3.1.2.1: space-separated BCP 47 tags) that this server has.
    #[must_use]
    pub fn of_ui_locales(tags: &str) -> Option<Self> {
        tags.split_ascii_whitespace().find_map(|tag| Self::parse(tag.split(['-', '_']).next()?))
    }
    /// The language with this two-letter code.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.as_str().eq_ignore_ascii_case(name))
    }
    /// The two-letter code, as in `lang=` and `ui_locales`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }
    /// The language to switch to.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Ja => Self::En,
            Self::En => Self::Ja,
        }
    }
}
