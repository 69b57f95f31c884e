//! The table `consents`: append-only.

use super::{ConsentRecord, Details};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event::{self, Event, EventKind, event_id};
use crate::id::{ClientId, ConsentId};
use crate::scope::Scope;
use crate::secret::Hash;
use crate::store::{Error, Result, Row, Tx, Value};
use std::time::Duration;

/// Stores the record and its audit entry. `grant::create` stores the grant of the consent in the same transaction.
pub fn record(tx: &mut Tx<'_, '_>, r: &ConsentRecord) -> Result<()> {
    let params: [Value; 21] = [
        r.id.as_str().into(),
        if r.granted { "granted" } else { "denied" }.into(),
        r.client.as_str().into(),
        r.interaction.as_str().into(),
        r.account_index.into(),
        r.account.clone().into(),
        r.name.clone().into(),
        r.remote.clone().into(),
        r.scope.to_string().into(),
        json(&r.details)?.into(),
        r.terms.version.clone().into(),
        r.terms.hash.into(),
        r.words.hash().into(),
        r.language.as_str().into(),
        r.acr.clone().into(),
        r.amr.join(" ").into(),
        r.auth_time.into(),
        r.at.into(),
        r.until.into(),
        r.values.clone().into(),
        r.reference.as_str().into(),
    ];
    tx.execute(
        "insert into consent_words (hash, language, text) values (?1, ?2, ?3) on conflict (hash) do nothing",
        &[r.words.hash().into(), r.words.language().as_str().into(), r.words.text().into()],
    )?;
    tx.execute(
        "insert into consents (id, decision, client_id, interaction, account_index, account, name, remote, scope, \
         details, terms_version, terms_hash, shown_hash, language, acr, amr, auth_time, decided_at, ends_at, words, \
         reference) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        &params,
    )?;
    audit::append(
        tx,
        &Entry {
            client: Some(r.client.clone()),
            interaction: Some(r.interaction.clone()),
            account: Some(r.account_index),
            detail: serde_json::json!({
                "consent": r.id, "scope": r.scope, "terms": r.terms.version, "shown": r.words.hash().base64url(),
            }),
            ..Entry::new(
                r.at,
                Actor::Customer,
                if r.granted {
                    AuditAction::Event(EventKind::ConsentGranted)
                } else {
                    AuditAction::Event(EventKind::ConsentDenied)
                },
            )
        },
    )
}

/// 拒否する: the record and the event `consent.denied`. There is no grant, so the event has no `seq`; and no `sub`: the app is
/// not told who refused.
pub fn deny(tx: &mut Tx<'_, '_>, r: &ConsentRecord) -> Result<()> {
    record(tx, r)?;
    let id = event_id(r.id.as_str(), 0)?;
    event::emit(tx, &Event::of_client(id, r.at, EventKind::ConsentDenied, Some(r.client.clone())))
}

/// One consent as staff may see it; sealed fields are left out.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StoredConsent {
    /// Its id.
    pub id: ConsentId,
    /// Whether the customer agreed.
    pub granted: bool,
    /// The app.
    pub client: ClientId,
    /// The requested scope.
    pub scope: Scope,
    /// The accounts and limits.
    pub details: Details,
    /// The edition of the terms.
    pub terms_version: String,
    /// The factors used.
    pub amr: Vec<String>,
    /// The time of the decision.
    pub at: Instant,
}

/// The edition of the terms that a consent was given under.
pub fn terms_of(tx: &mut Tx<'_, '_>, id: &ConsentId) -> Result<Option<String>> {
    let row = tx.row("select terms_version from consents where id = ?1", &[id.as_str().into()])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// The consents of one account, newest first.
pub fn of_account(tx: &mut Tx<'_, '_>, account: &Hash, limit: i64) -> Result<Vec<StoredConsent>> {
    let rows = tx.rows(
        "select id, decision, client_id, scope, details, terms_version, amr, decided_at from consents \
         where account_index = ?1 order by decided_at desc, id limit ?2",
        &[(*account).into(), limit.into()],
    )?;
    rows.iter().map(consent_from_row).collect()
}

fn consent_from_row(row: &Row) -> Result<StoredConsent> {
    let id = row.text(0)?;
    let bad = |why: &str| corrupt(id, why);
    Ok(StoredConsent {
        id: ConsentId::parse(id).ok_or_else(|| bad("id"))?,
        granted: row.text(1)? == "granted",
        client: ClientId::parse(row.text(2)?).ok_or_else(|| bad("client_id"))?,
        scope: Scope::parse(row.text(3)?).ok_or_else(|| bad("scope"))?,
        details: serde_json::from_str(row.text(4)?).map_err(|_| bad("details"))?,
        terms_version: row.text(5)?.to_owned(),
        amr: row.text(6)?.split(' ').filter(|f| !f.is_empty()).map(str::to_owned).collect(),
        at: row.instant(7)?,
    })
}

fn corrupt(row: &str, column: &str) -> Error {
    Error::Corrupt { table: "consents", row: row.to_owned(), why: format!("{column} is not what was written") }
}

/// Housekeeping: deletes sentences that no record refers to. Returns how many were deleted.
pub fn prune_words(tx: &mut Tx<'_, '_>, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from consent_words where hash in (select w.hash from consent_words w where not exists \
         (select 1 from consents c where c.shown_hash = w.hash) limit ?1)",
        &[limit.into()],
    )
}

/// Housekeeping: deletes records whose retention is over. Returns how many were deleted.
pub fn prune(tx: &mut Tx<'_, '_>, now: Instant, retention: Duration, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from consents where id in (select id from consents where ends_at < ?1 order by ends_at limit ?2)",
        &[(now - retention.max(super::RETENTION_LEAST)).into(), limit.into()],
    )
}

fn json(details: &Details) -> Result<String> {
    serde_json::to_string(details).map_err(|e| Error::Engine(format!("details cannot be written: {e}")))
}
