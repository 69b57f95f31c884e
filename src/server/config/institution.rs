//! `[institution]`

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The kind of institution, which decides how it refers to itself (G32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstitutionKind {
    /// 信用組合: 当信用組合
    Shinkumi,
    /// 組合: 当組合
    Kumiai,
    /// 信用金庫: 当金庫
    Shinkin,
    /// 銀行: 当行
    Bank,
}
impl InstitutionKind {
    /// How the institution refers to itself.
    #[must_use]
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Shinkumi => "当信用組合",
            Self::Kumiai => "当組合",
            Self::Shinkin => "当金庫",
            Self::Bank => "当行",
        }
    }
}

/// `[institution]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    /// 機関名, e.g. みなと信用組合.
    pub name: String,
    /// Its English name.
    pub name_en: String,
    /// `shinkumi`, `kumiai`, `shinkin` or `bank`.
    pub kind: InstitutionKind,
    /// `#rrggbb`, with 3:1 against white.
    #[serde(default = "color")]
    pub color: String,
    /// Its own mark, SVG or PNG, in the place of the built-in one.
    pub logo_file: Option<PathBuf>,
    /// API利用規定.
    pub terms_url: String,
    /// The version of the terms a customer agrees to.
    pub terms_version: String,
    /// The file with their text; production needs it.
    pub terms_file: Option<PathBuf>,
    /// よくあるご質問.
    pub faq_url: String,
    /// お問い合わせ先.
    pub phone: String,
    /// The department for questions, e.g. 事務部.
    #[serde(default = "department")]
    pub department: String,
    /// Its hours, e.g. 平日9時～17時.
    #[serde(default = "contact_hours")]
    pub contact_hours: String,
    /// A number that is staffed outside these hours, for stopping a link.
    pub stop_contact: Option<String>,
    /// The copyright line of the footer.
    pub copyright: String,
    /// Private networks of the institution's own systems, e.g. `10.1.0.0/16`.
    #[serde(default)]
    pub networks: Vec<String>,
}
fn color() -> String {
    "#00629b".into()
}
fn department() -> String {
    "事務部".into()
}
fn contact_hours() -> String {
    "平日9時～17時".into()
}
