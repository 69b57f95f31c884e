//! Parts of every page: the institution, the language, the step token, the banner of a test server.

use super::assets::Asset;
use super::my::TimeLeft;
use crate::identity::service_hours::Hours;
use crate::language::Language;
use crate::phone::Phone;
use serde::Serialize;

/// The frame of one page. A page without a form needs neither path nor step.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Chrome {
    /// The language.
    pub language: Language,
    /// The page's own path, `/link/…/account`, for its form and the language link. Empty: no language link, and the
    /// form is submitted to the address of the page.
    pub path: String,
    /// Whether a page without a path has a language link, to the address that the browser has open.
    pub here: bool,
    /// The single-use step token of this page's forms.
    pub step: String,
    /// Where the forms are submitted, if not to `path`.
    pub form_path: String,
    /// Whether the page belongs to 連携サービスの確認・停止: no app waits for its end.
    pub my: bool,
    /// The app's name on ①, ②, ③ and ⑤; empty where no app waits.
    pub app: String,
    /// When the interaction of a page with forms ends.
    pub time: Option<TimeLeft>,
    /// Whether it can begin anew with what was typed.
    pub may_restart: bool,
    /// Whether every page says that this server is for tests (requirements.md#modes).
    pub test_mode: bool,
}
impl Chrome {
    /// A frame in `language`.
    #[must_use]
    pub fn new(language: Language, path: &str, step: &str, test_mode: bool) -> Self {
        Self { language, path: path.to_owned(), step: step.to_owned(), test_mode, ..Self::default() }
    }
}

/// Where the institution's mark is.
pub const LOGO_PATH: &str = "/assets/institution-logo";

/// The institution's data for pages and letters.
#[derive(Debug, Clone)]
pub struct InstitutionProfile {
    /// 機関名
    pub name: String,
    /// Its English name.
    pub name_en: String,
    /// How the institution refers to itself: 当信用組合, 当組合, 当金庫, 当行 (G32).
    pub us: String,
    /// Its own mark; without it a built-in one is drawn.
    pub logo: Option<Asset>,
    /// `#rrggbb`: the only colour an institution sets.
    pub color: String,
    /// API利用規定
    pub terms_url: String,
    /// よくあるご質問
    pub faq_url: String,
    /// お問い合わせ先
    pub phone: Phone,
    /// The department for questions, 事務部.
    pub department: String,
    /// Its hours, 平日9時～17時.
    pub contact_hours: String,
    /// A number for stopping links outside these hours, if there is one.
    pub stop_contact: Option<Phone>,
    /// The footer's last line.
    pub copyright: String,
    /// The domain of completion notices (R83).
    pub mail_domain: String,
    /// The host customers see in the address bar.
    pub host: String,
    /// 画面ID of ② (G20).
    pub customer_screen_id: String,
    /// The times when the service is closed. The closed page lists them.
    pub closed: Hours,
}

/// The institution's data for templates.
#[derive(Serialize)]
pub(super) struct InstitutionView<'a> {
    name: &'a str,
    name_ja: &'a str,
    us: &'a str,
    /// The address of its mark; empty: the built-in one.
    logo: String,
    terms_url: &'a str,
    faq_url: &'a str,
    phone: &'a str,
    phone_grouped: String,
    department: &'a str,
    contact_hours: &'a str,
    stop_contact: Option<&'a str>,
    stop_contact_grouped: Option<String>,
    copyright: &'a str,
    mail_domain: &'a str,
    host: &'a str,
}
impl InstitutionProfile {
    pub(super) fn view(&self, language: Language) -> InstitutionView<'_> {
        InstitutionView {
            name: self.named(language),
            name_ja: &self.name,
            us: &self.us,
            logo: self.logo.as_ref().map(|logo| logo.address(LOGO_PATH)).unwrap_or_default(),
            terms_url: &self.terms_url,
            faq_url: &self.faq_url,
            phone: self.phone.as_str(),
            phone_grouped: self.phone.grouped(),
            department: &self.department,
            contact_hours: &self.contact_hours,
            stop_contact: self.stop_contact.as_ref().map(Phone::as_str),
            stop_contact_grouped: self.stop_contact.as_ref().map(Phone::grouped),
            copyright: &self.copyright,
            mail_domain: &self.mail_domain,
            host: &self.host,
        }
    }
    /// Its name in this language.
    #[must_use]
    pub fn named(&self, language: Language) -> &str {
        match language {
            Language::Ja => &self.name,
            Language::En => &self.name_en,
        }
    }
}
