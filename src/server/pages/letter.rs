//! The completion notice (requirements.md#notices): plain text, no link, nothing the customer typed, rendered when it
//! is sent.

use super::time::{TimeFormat, date, say};
use super::{Error, Language, Pages};
use crate::account::AccountType;
use crate::authorize::Permission;
use crate::lifecycle::{Completed, Letter, LetterWriter, Notice};

impl LetterWriter for Pages {
    fn write(&self, notice: &Notice) -> Result<Letter, String> {
        match notice {
            Notice::Completed(completed) => self.completed(completed).map_err(|e| e.to_string()),
        }
    }
}

impl Pages {
    /// API連携認証 完了のお知らせ. The letter is Japanese, like the legal text; for users of the English pages it has one English
    /// line at the end.
    fn completed(&self, notice: &Completed) -> Result<Letter, Error> {
        let ja = self.engine(Language::Ja);
        let counted = || notice.expires_at.since(notice.at.floor_second()).as_secs() / 86_400;
        let days = notice.days.unwrap_or_else(counted).to_string();
        let (at, until) = (
            say(notice.at, TimeFormat::Moment, Language::Ja),
            say(notice.expires_at, TimeFormat::Moment, Language::Ja),
        );
        let mut what: Vec<String> = scopes(notice).into_iter().map(|key| ja.text(key)).collect::<Result<_, _>>()?;
        if let Some((key, said)) = movements(notice) {
            let said: Vec<(&str, &str)> = said.iter().map(|(name, day)| (*name, day.as_str())).collect();
            what.push(ja.text_with(key, &said)?);
        }
        let institution = self.institution();
        // Names come from the registry. A line break in one must not start a header or a line.
        let (app, provider) = (one_line(&notice.app), one_line(&notice.provider));
        let hours = format!("{}　{}", one_line(&institution.contact_hours), one_line(&institution.department));
        let one = |kind: AccountType, last3: &str| format!("{}（口座番号下3桁 {}）", kind.ja(), one_line(last3));
        // A customer who only let the app identify them shared no account, so the verified one is not named.
        let shares = !notice.details.permissions.is_empty();
        let account = match notice.accounts.as_slice() {
            _ if !shares => ja.text("mail-account-none")?,
            [] => one(notice.account_type, &notice.last3),
            several => several.iter().map(|(kind, last3)| one(*kind, last3)).collect::<Vec<_>>().join("、"),
        };
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
        if notice.language == Language::En {
            text.push_str("\n\n");
            let key = if shares { "mail-completed-english" } else { "mail-completed-english-identity" };
            text.push_str(&self.engine(Language::En).text_with(key, &given)?);
        }
        text.push('\n');
        Ok(Letter { subject: one_line(&subject), text })
    }
}

/// The allowed days of transactions, if the request named any; the same text as on ⑥.
fn movements(notice: &Completed) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    let said = |name, day| (name, date(day, Language::Ja));
    let details = Some(&notice.details).filter(|d| d.permissions.contains(&Permission::Transactions))?;
    Some(match (details.from, details.to) {
        (Some(from), Some(to)) => ("scope-item-transactions-days", vec![said("from", from), said("to", to)]),
        (Some(from), None) => ("scope-item-transactions-from", vec![said("from", from)]),
        (None, Some(to)) => ("scope-item-transactions-to", vec![said("to", to)]),
        (None, None) => return None,
    })
}

/// What was allowed; the same text as on ⑥.
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
