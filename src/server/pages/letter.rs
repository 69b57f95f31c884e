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
    /// A letter in the language of the screens. The Japanese text applies, so an English letter has it below.
    fn letter(&self, language: Language, of: impl Fn(Language) -> Result<Letter, Error>) -> Result<Letter, Error> {
        let Letter { subject, mut text } = of(language)?;
        if language == Language::En {
            let below = self.engine(language).text("mail-japanese")?;
            text = format!("{text}\n\n{below}\n\n{}", of(Language::Ja)?.text);
        }
        text.push('\n');
        Ok(Letter { subject: one_line(&subject), text })
    }

    /// API連携認証 完了のお知らせ
    fn completed(&self, notice: &Completed) -> Result<Letter, Error> {
        self.letter(notice.language, |language| self.completed_in(notice, language))
    }
    fn completed_in(&self, notice: &Completed, language: Language) -> Result<Letter, Error> {
        let words = self.engine(language);
        let counted = || notice.expires_at.since(notice.at.floor_second()).as_secs() / 86_400;
        let days = notice.days.unwrap_or_else(counted).to_string();
        let moment = |at| say(at, TimeFormat::Moment, language);
        let (at, until) = (moment(notice.at), moment(notice.expires_at));
        let (comma, and) = match language {
            Language::Ja => ("、", "、"),
            Language::En => ("; ", ", "),
        };
        let mut what: Vec<String> = scopes(notice).into_iter().map(|key| words.text(key)).collect::<Result<_, _>>()?;
        if let Some((key, said)) = movements(notice, language) {
            let said: Vec<(&str, &str)> = said.iter().map(|(name, day)| (*name, day.as_str())).collect();
            what.push(words.text_with(key, &said)?);
        }
        // Names come from the registry. A line break in one must not start a header or a line.
        let (app, provider) = (one_line(&notice.app), one_line(&notice.provider));
        let one = |kind: AccountType, last3: &str| {
            let kind = words.text(match kind {
                AccountType::Ordinary => "account-ordinary",
                AccountType::Savings => "account-savings",
            })?;
            words.text_with("mail-account", &[("kind", &kind), ("last3", &one_line(last3))])
        };
        // A customer who only let the app identify them shared no account, so the verified one is not named.
        let shares = !notice.details.permissions.is_empty();
        let account = match notice.accounts.as_slice() {
            _ if !shares => words.text("mail-account-none")?,
            [] => one(notice.account_type, &notice.last3)?,
            several => several.iter().map(|(kind, last3)| one(*kind, last3)).collect::<Result<Vec<_>, _>>()?.join(and),
        };
        let what = what.join(comma);
        let reference = one_line(&notice.reference);
        let given = [
            ("at", at.as_str()),
            ("app", &app),
            ("provider", &provider),
            ("what", &what),
            ("account", &account),
            ("days", &days),
            ("until", &until),
        ];
        let allowed = words.text(if shares { "mail-allowed" } else { "mail-allowed-identity" })?;
        let begin = format!("{}\n{allowed}", words.text("mail-greeting")?);
        let parts = [begin, words.text_with("mail-completed", &given)?, self.end(language)?];
        let subject = words.text_with("mail-completed-subject", &[("reference", &reference)])?;
        Ok(Letter { subject, text: parts.join("\n\n") })
    }

    /// The end of every letter: whom to call. The hours are Japanese, so only the Japanese text has them.
    fn end(&self, language: Language) -> Result<String, Error> {
        let institution = self.institution();
        let hours = format!("{}　{}", one_line(&institution.contact_hours), one_line(&institution.department));
        let given: &[(&str, &str)] = match language {
            Language::Ja => &[("hours", &hours)],
            Language::En => &[],
        };
        self.engine(language).text_with("mail-end", given)
    }

    /// A notice about a link.
    fn about_link(&self, letter: &LinkLetter) -> Result<Letter, Error> {
        self.letter(letter.language, |language| {
            let words = self.engine(language);
            let begin = format!("{}\n{}", words.text("mail-greeting")?, self.facts(letter, language)?);
            let text = [begin, words.text("mail-wish")?, self.end(language)?].join("\n\n");
            Ok(Letter { subject: words.text(keys(&letter.notice).0)?, text })
        })
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
fn movements(notice: &Completed, language: Language) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    let said = |name, day| (name, date(day, language));
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
