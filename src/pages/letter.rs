//! The completion notice (domain §7): plain text, no link, nothing the customer typed, worded when it is sent.

use super::time::{Form, say};
use super::{Error, Language, Pages};
use crate::lifecycle::{Completed, Letter, Notice, Writer};

impl Writer for Pages {
    fn write(&self, notice: &Notice) -> Result<Letter, String> {
        match notice {
            Notice::Completed(completed) => self.completed(completed).map_err(|e| e.to_string()),
        }
    }
}

impl Pages {
    /// API連携認証 完了のお知らせ. The letter is Japanese as the law's words are; who used the English pages finds one
    /// English line below it.
    fn completed(&self, notice: &Completed) -> Result<Letter, Error> {
        let ja = self.engine(Language::Ja);
        let days = (notice.expires_at.since(notice.at).as_secs() / 86_400).to_string();
        let (at, until) =
            (say(notice.at, Form::Moment, Language::Ja), say(notice.expires_at, Form::Moment, Language::Ja));
        let what: Vec<String> = scopes(notice).into_iter().map(|key| ja.text(key)).collect::<Result<_, _>>()?;
        let institution = self.institution();
        // Names come from the registry; a line break in one would start a header or a line of its own.
        let (app, provider) = (one_line(&notice.app), one_line(&notice.provider));
        let hours = format!("{}　{}", one_line(&institution.contact_hours), one_line(&institution.department));
        let account = format!("{}（口座番号下3桁 {}）", notice.account_type.ja(), one_line(&notice.last3));
        let what = what.join("、");
        let reference = one_line(&notice.reference);
        let given = [
            ("reference", reference.as_str()),
            ("at", &at),
            ("app", &app),
            ("provider", &provider),
            ("what", &what),
            ("account", &account),
            ("days", &days),
            ("until", &until),
            ("hours", &hours),
        ];
        let subject = ja.text_with("mail-completed-subject", &given)?;
        let mut text = ja.text_with("mail-completed", &given)?;
        if notice.language == Language::En.as_str() {
            text.push_str("\n\n");
            text.push_str(&self.engine(Language::En).text_with("mail-completed-english", &given)?);
        }
        text.push('\n');
        Ok(Letter { subject: one_line(&subject), text })
    }
}

/// What was allowed, as ⑥ said it.
fn scopes(notice: &Completed) -> Vec<&'static str> {
    let mut keys = Vec::new();
    match (notice.scope.has("accounts"), notice.scope.has("transactions")) {
        (true, true) => keys.push("scope-both"),
        (true, false) => keys.push("scope-accounts"),
        (false, true) => keys.push("scope-transactions"),
        (false, false) => keys.push("scope-identity"),
    }
    keys
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
