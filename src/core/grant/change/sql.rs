//! The tables `grant_changes` and `grant_change_accounts`, and what a change does to its grant.

use super::super::create::{insert_code, record_shared, shared_accounts};
use super::super::{Grant, GrantState, Reason, narrow, sql};
use super::{ChangeAction, GrantChange, NewChange};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::client;
use crate::clock::Instant;
use crate::consent;
use crate::event::EventKind;
use crate::id::{AccountId, ConsentId, GrantId, InteractionId};
use crate::scope::Scope;
use crate::secret::Hash;
use crate::store::{Error, Result, Tx, Value};
use serde_json::json;

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}
fn details_text(details: &crate::authorize::Details) -> Result<String> {
    serde_json::to_string(details).map_err(|e| Error::Engine(format!("details: {e}")))
}

/// Writes what the customer agreed to: consent record, change and code, with the event `consent.granted`. `false`, and nothing
/// is written, where the grant is over.
pub fn agree(tx: &mut Tx<'_, '_>, new: &NewChange) -> Result<bool> {
    let (c, at) = (&new.change, new.change.created_at);
    let grant = sql::load(tx, &c.grant)?.filter(|grant| grant.is_live(at));
    if !grant.is_some_and(|grant| matches!(grant.state, GrantState::Active { .. })) {
        return Ok(false);
    }
    consent::sql::record(tx, &new.record)?;
    let known: Vec<&str> = c.known.iter().map(AccountId::as_str).collect();
    let params: [Value; 17] = [
        c.consent.as_str().into(),
        c.grant.as_str().into(),
        c.action.as_str().into(),
        c.scope.to_string().into(),
        details_text(&c.details)?.into(),
        known.join(" ").into(),
        c.account_index.into(),
        c.account.clone().into(),
        c.account_id.as_str().into(),
        c.reference.as_str().into(),
        c.acr.as_str().into(),
        c.amr.join(" ").into(),
        c.auth_time.into(),
        c.aud.join(" ").into(),
        c.created_at.into(),
        c.expires_at.into(),
        c.warn_at.into(),
    ];
    tx.execute(
        "insert into grant_changes (consent_id, grant_id, action, scope, details, known, account_index, account, account_id, \
         reference, acr, amr, auth_time, aud, created_at, expires_at, warn_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        &params,
    )?;
    for (account, id) in &new.accounts {
        tx.execute(
            "insert into grant_change_accounts (consent_id, account_index, account_id) values (?1, ?2, ?3) on conflict do nothing",
            &[c.consent.as_str().into(), (*account).into(), id.as_str().into()],
        )?;
    }
    insert_code(tx, &new.code)?;
    sql::emit_event(tx, &c.grant, EventKind::ConsentGranted, json!({}), at)?;
    Ok(true)
}

/// The change of this consent; `None` if the core bank reported one of its accounts since.
pub(in super::super) fn load(tx: &mut Tx<'_, '_>, id: &ConsentId) -> Result<Option<GrantChange>> {
    let row = tx.row(
        "select grant_id, action, scope, details, known, account_index, account, account_id, reference, acr, amr, auth_time, aud, \
         created_at, expires_at, warn_at, applied_at from grant_changes where consent_id = ?1",
        &[id.as_str().into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let bad = |why: &str| Error::Corrupt { table: "grant_changes", row: id.to_string(), why: why.to_owned() };
    Ok(Some(GrantChange {
        consent: id.clone(),
        grant: GrantId::parse(row.text(0)?).ok_or_else(|| bad("grant_id"))?,
        action: ChangeAction::parse(row.text(1)?).ok_or_else(|| bad("action"))?,
        scope: Scope::parse(row.text(2)?).ok_or_else(|| bad("scope"))?,
        details: serde_json::from_str(row.text(3)?).map_err(|_| bad("details"))?,
        known: words(row.text(4)?).filter_map(AccountId::parse).collect(),
        account_index: row.hash(5)?,
        account: row.bytes(6)?.to_vec(),
        account_id: AccountId::parse(row.text(7)?).ok_or_else(|| bad("account_id"))?,
        reference: row.text(8)?.to_owned(),
        acr: row.text(9)?.to_owned(),
        amr: words(row.text(10)?).map(str::to_owned).collect(),
        auth_time: row.instant(11)?,
        aud: words(row.text(12)?).map(str::to_owned).collect(),
        created_at: row.instant(13)?,
        expires_at: row.instant(14)?,
        warn_at: row.opt_instant(15)?,
        applied_at: row.opt_instant(16)?,
    }))
}

/// The change of a grant that was agreed to in this interaction.
pub(in super::super) fn of_interaction(
    tx: &mut Tx<'_, '_>,
    grant: &GrantId,
    interaction: &InteractionId,
) -> Result<Option<GrantChange>> {
    let row = tx.row(
        "select c.consent_id from grant_changes c join consents s on s.id = c.consent_id \
         where c.grant_id = ?1 and s.interaction = ?2 limit 1",
        &[grant.as_str().into(), interaction.as_str().into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let bad = || Error::Corrupt { table: "grant_changes", row: grant.to_string(), why: "consent_id".to_owned() };
    load(tx, &ConsentId::parse(row.text(0)?).ok_or_else(bad)?)
}

/// Changes the grant from `before` to `after`, with audit record and event.
pub(in super::super) fn apply(
    tx: &mut Tx<'_, '_>,
    change: &GrantChange,
    (before, after): (&Grant, &Grant),
    now: Instant,
) -> Result<()> {
    let id = Value::from(after.id.as_str());
    let old = tx.row("select aud, account_id from grants where id = ?1", std::slice::from_ref(&id))?;
    let (old_aud, old_account) = match &old {
        Some(row) => (row.opt_text(0)?.unwrap_or_default(), row.opt_text(1)?.and_then(AccountId::parse)),
        None => ("", None),
    };
    let shared_before = shared_accounts(tx, Some(&after.id))?;
    // The resource servers of before hear of the change too: a replacement ends tokens that they accept.
    let mut hears = change.aud.clone();
    hears.extend(words(old_aud).filter(|one| change.aud.iter().all(|known| known != one)).map(str::to_owned));
    let params: [Value; 15] = [
        id.clone(),
        after.consent.as_str().into(),
        after.account_index.into(),
        after.account.clone().into(),
        after.reference.as_str().into(),
        after.scope.to_string().into(),
        details_text(&after.details)?.into(),
        after.acr.as_str().into(),
        after.amr.join(" ").into(),
        after.auth_time.into(),
        after.expires_at.into(),
        change.warn_at.into(),
        hears.join(" ").into(),
        change.account_id.as_str().into(),
        now.into(),
    ];
    tx.execute(
        "update grants set consent_id = ?2, account_index = ?3, account = ?4, reference = ?5, scope = ?6, details = ?7, acr = ?8, \
         amr = ?9, auth_time = ?10, expires_at = ?11, warn_at = ?12, aud = ?13, account_id = ?14, updated_at = ?15, \
         updated_by = 'client' where id = ?1",
        &params,
    )?;
    client::sql::add_audiences(tx, &after.client, &hears)?;
    tx.execute(
        "insert into grant_accounts (grant_id, account_index, account_id) \
         select ?1, account_index, account_id from grant_change_accounts where consent_id = ?2 on conflict do nothing",
        &[id.clone(), change.consent.as_str().into()],
    )?;
    if let Some(account) = &old_account {
        tx.execute(
            "insert into grant_accounts (grant_id, account_index, account_id) values (?1, ?2, ?3) on conflict do nothing",
            &[id.clone(), before.account_index.into(), account.as_str().into()],
        )?;
    }
    // Only accounts that the grant covers are shared; the verified one stands in its own column.
    for row in
        tx.rows("select account_index, account_id from grant_accounts where grant_id = ?1", std::slice::from_ref(&id))?
    {
        let covered = row.opt_text(1)?.and_then(AccountId::parse).is_none_or(|a| after.details.accounts.contains(&a));
        let account: Hash = row.hash(0)?;
        if !covered || account == after.account_index {
            tx.execute(
                "delete from grant_accounts where grant_id = ?1 and account_index = ?2",
                &[id.clone(), account.into()],
            )?;
        }
    }
    tx.execute(
        "update grant_changes set applied_at = ?2 where consent_id = ?1",
        &[change.consent.as_str().into(), now.into()],
    )?;
    // Another change that was agreed to before rests on what the link was then: its code is good for nothing.
    let others = "select consent_id from grant_changes where grant_id = ?1 and applied_at is null";
    for row in tx.rows(others, std::slice::from_ref(&id))? {
        forget(tx, row.text(0)?)?;
    }
    sql::end_unredeemed(
        tx,
        before,
        &Reason::Replaced { by: after.id.clone() },
        &Actor::Client(after.client.clone()),
        now,
    )?;
    narrow::updated(tx, after, (&Reason::Client, Actor::Client(after.client.clone()), None), now)?;
    if change.action == ChangeAction::Replace {
        tx.execute("update grants set aud = ?2 where id = ?1", &[id, change.aud.join(" ").into()])?;
    }
    let entry = Entry {
        client: Some(after.client.clone()),
        grant: Some(after.id.clone()),
        account: Some(after.account_index),
        detail: json!({"consent": after.consent, "action": change.action.as_str(), "until": after.expires_at.rfc3339()}),
        ..Entry::new(now, Actor::Client(after.client.clone()), AuditAction::GrantChanged)
    };
    audit::append(tx, &entry)?;
    record_shared(tx, &entry, &shared_before)
}

/// Forgets every change with this account that no code has applied: the core bank says that something happened to it.
pub fn forget_account(tx: &mut Tx<'_, '_>, account: &Hash) -> Result<()> {
    let unapplied = "select a.consent_id from grant_change_accounts a where a.account_index = ?1 and \
                     (select count(*) from grant_changes c where c.consent_id = a.consent_id and c.applied_at is null) > 0";
    let account = [(*account).into()];
    for row in tx.rows(unapplied, &account)? {
        forget(tx, row.text(0)?)?;
    }
    Ok(())
}

fn forget(tx: &mut Tx<'_, '_>, consent: &str) -> Result<()> {
    let consent = [Value::from(consent)];
    tx.execute("delete from grant_change_accounts where consent_id = ?1", &consent)?;
    tx.execute("delete from grant_changes where consent_id = ?1", &consent)?;
    Ok(())
}
