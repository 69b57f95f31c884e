//! Notices to customers (requirements.md#notices): plain text, no link, nothing the customer typed, rendered when they
//! are sent.

use super::time::{TimeFormat, date, say};
use super::{Error, Language, Pages};
use crate::account::AccountType;
use crate::authorize::Permission;
use crate::lifecycle::{Completed, Letter, LetterWriter, LinkLetter, LinkNotice, Notice};

impl LetterWriter for Pages {
    fn write(&self, notice: &Notice) -> Result<Letter, String> {
        match notice {
            Notice::Completed(completed) => self.completed(completed).map_err(|e| e.to_string()),
            Notice::Link(letter) => self.about_link(letter).map_err(|e| e.to_string()),
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
        // Names come from the registry. A line break in one must not start a header or a line.
        let (app, provider) = (one_line(&notice.app), one_line(&notice.provider));
        let hours = self.telephone_hours();
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

    /// When and where somebody answers the telephone.
    fn telephone_hours(&self) -> String {
        let institution = self.institution();
        format!("{}　{}", one_line(&institution.contact_hours), one_line(&institution.department))
    }

    /// A notice about a link: the Japanese text, and for users of the English pages the English one below it.
    fn about_link(&self, letter: &LinkLetter) -> Result<Letter, Error> {
        let hours = self.telephone_hours();
        let ja = self.engine(Language::Ja);
        let (subject, _) = keys(&letter.notice);
        let subject = ja.text(subject)?;
        let end = ja.text_with("mail-end", &[("hours", &hours)])?;
        let parts = [ja.text("mail-greeting")?, self.facts(letter, Language::Ja)?, ja.text("mail-wish")?, end];
        let mut text = parts.join("\n");
        if letter.language == Language::En {
            let en = self.engine(Language::En);
            let end = en.text_with("mail-end", &[("hours", &hours)])?;
            let parts = [String::new(), String::new(), self.facts(letter, Language::En)?, en.text("mail-wish")?, end];
            text.push_str(&parts.join("\n"));
        }
        text.push('\n');
        Ok(Letter { subject: one_line(&subject), text })
    }

    /// What the notice says of its link or account.
    fn facts(&self, letter: &LinkLetter, language: Language) -> Result<String, Error> {
        let words = self.engine(language);
        let moment = |at| say(at, TimeFormat::Moment, language);
        let (app, provider) = (one_line(&letter.app), one_line(&letter.provider));
        let mut given = vec![("app", app.as_str()), ("provider", provider.as_str())];
        let (first, second, third);
        match &letter.notice {
            LinkNotice::Expiring { until, reference } => {
                (first, second) = (moment(*until), one_line(reference));
                given.extend([("until", first.as_str()), ("reference", second.as_str())]);
            }
            LinkNotice::Ended { at, why, reference } => {
                (first, second) = (moment(*at), one_line(reference));
                third = words.text(&format!("my-by-{why}"))?;
                given.extend([("at", first.as_str()), ("reference", second.as_str()), ("why", third.as_str())]);
            }
            LinkNotice::Suspended { at, until } => {
                first = moment(*at);
                second = match until {
                    Some(until) => {
                        words.text_with("mail-suspended-until", &[("date", &date(until.jst_date(), language))])?
                    }
                    None => words.text("mail-suspended-contact")?,
                };
                given.extend([("at", first.as_str()), ("released", second.as_str())]);
            }
            LinkNotice::NewLink { at } => {
                first = moment(*at);
                given.push(("at", first.as_str()));
            }
        }
        words.text_with(keys(&letter.notice).1, &given)
    }
}

/// The texts of subject and content.
const fn keys(notice: &LinkNotice) -> (&'static str, &'static str) {
    match notice {
        LinkNotice::Expiring { .. } => ("mail-expiring-subject", "mail-expiring"),
        LinkNotice::Ended { .. } => ("mail-ended-subject", "mail-ended"),
        LinkNotice::Suspended { .. } => ("mail-suspended-subject", "mail-suspended"),
        LinkNotice::NewLink { .. } => ("mail-new-link-subject", "mail-new-link"),
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
