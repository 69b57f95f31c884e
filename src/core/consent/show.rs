//! A consent record, opened: what was agreed, shown again when it is disputed.

use super::filled;
use super::words::{Ticks, values_and_ticks};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::authorize::Details;
use crate::clock::Instant;
use crate::id::{ClientId, ConsentId, GrantId, InteractionId};
use crate::keys::seal::{Broken, SealContext, Sealer};
use crate::language::Language;
use crate::secret::{Hash, Secret};
use crate::store::{Error, Result, Row, Tx};
use serde_json::json;

/// What names a consent record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsentKey {
    /// Its id.
    Id(ConsentId),
    /// 受付番号, which may repeat.
    Reference(String),
}
impl ConsentKey {
    /// Reads an id or 受付番号 (`ABCD-1234`, in any case).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let spoken = text.split_once('-').is_some_and(|(letters, digits)| {
            letters.len() == 4
                && digits.len() == 4
                && letters.bytes().all(|b| b.is_ascii_alphabetic())
                && digits.bytes().all(|b| b.is_ascii_digit())
        });
        if spoken { Some(Self::Reference(text.to_ascii_uppercase())) } else { ConsentId::parse(text).map(Self::Id) }
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id.as_str(),
            Self::Reference(reference) => reference,
        }
    }
}

/// A record as it is stored.
#[derive(Debug, Clone)]
pub struct SealedConsent {
    /// Its id.
    pub id: ConsentId,
    /// Whether the customer agreed.
    pub granted: bool,
    /// The app.
    pub client: ClientId,
    /// The interaction.
    pub interaction: InteractionId,
    /// The keyed index of the verified account.
    pub account_index: Hash,
    account: Vec<u8>,
    name: Vec<u8>,
    remote: Vec<u8>,
    /// The scope that was agreed to, or asked for.
    pub scope: String,
    /// The accounts and limits.
    pub details: Details,
    /// The edition of the terms.
    pub terms_version: String,
    /// The digest of their text.
    pub terms_hash: Hash,
    /// The digest of the sentences.
    pub words_hash: Hash,
    /// Their language.
    pub language: String,
    /// The class of the authentication.
    pub acr: String,
    /// The factors used.
    pub amr: String,
    /// When the last check was passed.
    pub auth_time: Instant,
    /// When the button was pressed.
    pub at: Instant,
    /// The end that was agreed to.
    pub until: Instant,
    values: Option<Vec<u8>>,
    /// 受付番号
    pub reference: Option<String>,
    text: Option<String>,
    /// The grants that rest, or rested, on it.
    pub grants: Vec<GrantId>,
}

/// What is sealed in a record.
#[derive(Debug)]
pub struct UnsealedConsent {
    /// The verified account.
    pub account: Secret,
    /// The name entered at ②.
    pub name: Secret,
    /// Network address and user agent in one line.
    pub remote: Secret,
    /// The sentences as the customer read them; `None` where they were not kept.
    pub words: Option<Vec<String>>,
    /// Which of them stood beside a box, and whether it was ticked.
    pub ticks: Ticks,
}

impl SealedConsent {
    /// Opens it.
    ///
    /// # Errors
    /// [`Broken`] if a field was changed, or sealed with another key.
    pub fn open(&self, sealer: &Sealer) -> std::result::Result<UnsealedConsent, Broken> {
        let open = |column, sealed: &[u8]| {
            let place = SealContext { table: "consents", column, row: self.id.as_str() };
            let plain = sealer.open(place, sealed)?;
            std::str::from_utf8(&plain).map(Secret::new).map_err(|_| Broken)
        };
        let (words, ticks) = match (&self.text, &self.values) {
            (Some(text), Some(sealed)) => {
                let (values, ticks) = values_and_ticks(open("words", sealed)?.reveal()).ok_or(Broken)?;
                (Some(filled(text, &values).ok_or(Broken)?), ticks)
            }
            _ => (None, Ticks::new()),
        };
        Ok(UnsealedConsent {
            account: open("account", &self.account)?,
            name: open("name", &self.name)?,
            remote: open("remote", &self.remote)?,
            words,
            ticks,
        })
    }
}

impl SealedConsent {
    /// The sentences as the customer read them, with accounts by their last three digits: what the customer's own page
    /// shows. `None` where they were not kept, or cannot be opened.
    #[must_use]
    pub fn masked_words(&self, sealer: &Sealer) -> Option<AgreedWords> {
        let (text, sealed) = (self.text.as_ref()?, self.values.as_ref()?);
        let place = SealContext { table: "consents", column: "words", row: self.id.as_str() };
        let plain = sealer.open(place, sealed).ok()?;
        let (values, ticks) = values_and_ticks(std::str::from_utf8(&plain).ok()?)?;
        let values: Vec<String> = values.iter().map(|value| masked(value)).collect();
        Some(AgreedWords { language: Language::parse(&self.language)?, sentences: filled(text, &values)?, ticks })
    }
}

/// What a customer read when they agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedWords {
    /// The language.
    pub language: Language,
    /// The sentences.
    pub sentences: Vec<String>,
    /// Which of them stood beside a box, and whether it was ticked.
    pub ticks: Ticks,
}

/// A value of ⑥ without what tells one account from another: 口座番号 by its last three digits, 店番 not at all.
fn masked(value: &str) -> String {
    if !value.bytes().all(|b| b.is_ascii_digit()) {
        return value.to_owned();
    }
    let hidden = if value.len() > 3 { value.len() - 3 } else { value.len() };
    let shown = value.get(hidden..).unwrap_or_default();
    "＊".repeat(hidden) + shown
}

macro_rules! select {
    ($column:literal) => {
        concat!(
            "select c.id, c.decision, c.client_id, c.interaction, c.account_index, c.account, c.name, c.remote, c.scope, \
             c.details, c.terms_version, c.terms_hash, c.shown_hash, c.language, c.acr, c.amr, c.auth_time, \
             c.decided_at, c.ends_at, c.words, c.reference, w.text from consents c left join consent_words w on \
             w.hash = c.shown_hash where c.",
            $column,
            " = ?1 order by c.decided_at desc, c.id limit ?2"
        )
    };
}

/// The records that `key` names, the newest first.
pub fn find(tx: &mut Tx<'_, '_>, key: &ConsentKey, limit: i64) -> Result<Vec<SealedConsent>> {
    let statement = match key {
        ConsentKey::Id(_) => select!("id"),
        ConsentKey::Reference(_) => select!("reference"),
    };
    let rows = tx.rows(statement, &[key.as_str().into(), limit.into()])?;
    let mut found = rows.iter().map(sealed).collect::<Result<Vec<_>>>()?;
    for record in &mut found {
        let grants = tx.rows(
            "select id from grants where consent_id = ?1 union select grant_id from grant_changes where consent_id = ?1 \
             limit 100",
            &[record.id.as_str().into()],
        )?;
        record.grants = grants.iter().filter_map(|row| row.text(0).ok().and_then(GrantId::parse)).collect();
    }
    Ok(found)
}

/// Writes into the audit record who looked, and why. Where nothing was opened, it names no account.
pub fn looked(
    tx: &mut Tx<'_, '_>,
    (actor, why): (&Actor, &str),
    key: &ConsentKey,
    opened: Option<&SealedConsent>,
    now: Instant,
) -> Result<()> {
    let entry = Entry::new(now, actor.clone(), AuditAction::StaffConsentShown);
    let entry = match opened {
        Some(record) => Entry {
            client: Some(record.client.clone()),
            interaction: Some(record.interaction.clone()),
            grant: record.grants.first().cloned(),
            account: Some(record.account_index),
            detail: json!({"consent": record.id, "reason": why}),
            ..entry
        },
        None => Entry { detail: json!({"asked": key.as_str(), "opened": false, "reason": why}), ..entry },
    };
    audit::append(tx, &entry)
}

fn sealed(row: &Row) -> Result<SealedConsent> {
    let id = row.text(0)?;
    let bad =
        |why: &str| Error::Corrupt { table: "consents", row: id.to_owned(), why: format!("{why} cannot be read") };
    Ok(SealedConsent {
        id: ConsentId::parse(id).ok_or_else(|| bad("id"))?,
        granted: row.text(1)? == "granted",
        client: ClientId::parse(row.text(2)?).ok_or_else(|| bad("client_id"))?,
        interaction: InteractionId::parse(row.text(3)?).ok_or_else(|| bad("interaction"))?,
        account_index: row.hash(4)?,
        account: row.bytes(5)?.to_vec(),
        name: row.bytes(6)?.to_vec(),
        remote: row.bytes(7)?.to_vec(),
        scope: row.text(8)?.to_owned(),
        details: serde_json::from_str(row.text(9)?).map_err(|_| bad("details"))?,
        terms_version: row.text(10)?.to_owned(),
        terms_hash: row.hash(11)?,
        words_hash: row.hash(12)?,
        language: row.text(13)?.to_owned(),
        acr: row.text(14)?.to_owned(),
        amr: row.text(15)?.to_owned(),
        auth_time: row.instant(16)?,
        at: row.instant(17)?,
        until: row.instant(18)?,
        values: row.opt_bytes(19)?.map(<[u8]>::to_vec),
        reference: row.opt_text(20)?.map(str::to_owned),
        text: row.opt_text(21)?.map(str::to_owned),
        grants: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_masked_and_nothing_else() {
        for (value, shown) in [
            ("115", "＊＊＊"),
            ("1100026", "＊＊＊＊026"),
            ("普通預金", "普通預金"),
            ("2026年12月25日（金）10時15分", "2026年12月25日（金）10時15分"),
            ("ABCD-1234", "ABCD-1234"),
            ("t***@example.jp", "t***@example.jp"),
        ] {
            assert_eq!(masked(value), shown);
        }
    }

    #[test]
    fn a_record_is_named_by_its_id_or_its_number() {
        let number = |text: &str| ConsentKey::Reference(text.to_owned());
        assert_eq!(ConsentKey::parse("abcd-1234"), Some(number("ABCD-1234")));
        assert_eq!(ConsentKey::parse("ABCD-1234"), Some(number("ABCD-1234")));
        for id in ["ABCD-12345", "-BCD-1234", "ABCDE1234", "k4TmO5mwRIsCF2yTYPC9Rw"] {
            assert!(matches!(ConsentKey::parse(id), Some(ConsentKey::Id(_))), "{id}");
        }
        assert_eq!(ConsentKey::parse("受付番号"), None);
    }
}
