//! The tables of the client registry.

use super::{Client, FormerSecret, SecretKey, Status, StoredSecret, difference, metadata};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event::{self, Event, EventKind, event_id};
use crate::id::{ClientId, EventId};
use crate::store::{Error, Result, Row, Tx, Value};
use serde_json::json;

fn client(row: &Row) -> Result<Client> {
    let id = row.text(0)?.to_owned();
    let corrupt = |why: String| Error::Corrupt { table: "clients", row: id.clone(), why };
    let document = serde_json::from_str(row.text(5)?).map_err(|e| corrupt(e.to_string()))?;
    let parsed_id = ClientId::parse(&id).ok_or_else(|| corrupt("not a client id".into()))?;
    let created_at = row.instant(6)?;
    let mut client = metadata::parse(&document, parsed_id, &metadata::Rules::STORED, created_at)
        .map_err(|refusal| corrupt(refusal.to_string()))?;
    client.version = row.int(1)?;
    client.status = Status::parse(row.text(2)?).ok_or_else(|| corrupt("unknown status".into()))?;
    client.secret = match (row.opt_text(3)?, row.opt_text(4)?) {
        (None, None) => None,
        (Some(kind), Some(text)) => {
            let secret = StoredSecret::from_columns(kind, text);
            Some(secret.ok_or_else(|| corrupt("broken secret, or one of an unknown kind".into()))?)
        }
        _ => return Err(corrupt("a secret without its kind, or a kind without a secret".into())),
    };
    client.updated_at = row.instant(7)?;
    client.former_secret = match (row.opt_text(8)?, row.opt_instant(9)?) {
        (Some(text), Some(until)) => {
            let secret = StoredSecret::from_columns("hmac", text);
            Some(FormerSecret { secret: secret.ok_or_else(|| corrupt("broken former secret".into()))?, until })
        }
        _ => None,
    };
    Ok(client)
}

/// The version of a client's record: two equal ones are the same record.
pub fn version(tx: &mut Tx<'_, '_>, id: &ClientId) -> Result<Option<i64>> {
    tx.row(VERSION, &[id.as_str().into()])?.map(|r| r.int(0)).transpose()
}
/// The statement of [`version`].
pub(super) const VERSION: &str = "select version from clients where id = ?1";

/// A client.
///
/// # Errors
/// [`Error::Corrupt`] if the record cannot be parsed.
pub fn load(tx: &mut Tx<'_, '_>, id: &ClientId) -> Result<Option<Client>> {
    let row = tx.row(
        "select id, version, status, secret_kind, secret, metadata, created_at, updated_at, former_secret,
         former_secret_until from clients where id = ?1",
        &[id.as_str().into()],
    )?;
    row.as_ref().map(client).transpose()
}

/// Clients in the order of their ids, from after `after` on.
pub fn list(tx: &mut Tx<'_, '_>, after: Option<&ClientId>, limit: i64) -> Result<Vec<Client>> {
    let rows = tx.rows(
        "select id, version, status, secret_kind, secret, metadata, created_at, updated_at, former_secret,
         former_secret_until from clients where id > ?1 order by id limit ?2",
        &[after.map_or("", ClientId::as_str).into(), limit.into()],
    )?;
    rows.iter().map(client).collect()
}

/// Writes a client: a new one, or a new version of one that is there, whose `created_at` stays.
pub fn save(tx: &mut Tx<'_, '_>, client: &Client, now: Instant) -> Result<()> {
    let next = version(tx, &client.id)?.map_or(now.millis(), |v| now.millis().max(v + 1));
    let [kind, secret] = client.secret.as_ref().map_or([Value::Null, Value::Null], StoredSecret::columns);
    let [former, until] = former_columns(client.former_secret.as_ref());
    let mut document = metadata::document(client);
    // The status is in its own column, not in the record.
    if let Some(map) = document.as_object_mut() {
        map.remove("status");
    }
    tx.execute(
        "insert into clients (id, version, status, secret_kind, secret, metadata, created_at, updated_at, former_secret,
         former_secret_until) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         on conflict (id) do update set version = excluded.version, status = excluded.status,
         secret_kind = excluded.secret_kind, secret = excluded.secret, metadata = excluded.metadata,
         updated_at = excluded.updated_at, former_secret = excluded.former_secret,
         former_secret_until = excluded.former_secret_until",
        &[
            client.id.as_str().into(),
            next.into(),
            client.status.as_str().into(),
            kind,
            secret,
            document.to_string().into(),
            client.created_at.into(),
            now.into(),
            former,
            until,
        ],
    )?;
    Ok(())
}

/// The columns `former_secret` and `former_secret_until`.
fn former_columns(former: Option<&FormerSecret>) -> [Value; 2] {
    former.map_or([Value::Null, Value::Null], |former| {
        let [_, text] = former.secret.columns();
        [text, former.until.into()]
    })
}

/// Registers a client, or replaces the record of one that is there, and says so in the audit record. What an import
/// does not bring stays: the secret, where the client still uses one, and whether it is suspended (that is
/// [`set_status`]'s alone).
pub fn register(tx: &mut Tx<'_, '_>, client: &Client, actor: &Actor, now: Instant) -> Result<()> {
    let mut client = client.clone();
    let known = load(tx, &client.id)?;
    let action = match &known {
        None => AuditAction::Event(EventKind::ClientRegistered),
        Some(old) => {
            client.status = old.status;
            client.created_at = old.created_at;
            let stays = client.secret.is_none() && client.auth_method.is_secret();
            client.former_secret = old.former_secret.clone().filter(|_| stays);
            client.secret = client.secret.or_else(|| old.secret.clone()).filter(|_| client.auth_method.is_secret());
            AuditAction::Event(EventKind::ClientChanged)
        }
    };
    save(tx, &client, now)?;
    // The institution's record wins: a change the app proposed is dropped.
    tx.execute("update client_registrations set proposed = null where client_id = ?1", &[client.id.as_str().into()])?;
    let mut entry = Entry::new(now, actor.clone(), action);
    entry.client = Some(client.id.clone());
    entry.detail = difference::detail(known.as_ref(), &client);
    audit::append(tx, &entry)?;
    if action == AuditAction::Event(EventKind::ClientChanged) { tell_changed(tx, &client.id, now) } else { Ok(()) }
}

/// The event `client.changed`, once for each version of a record.
pub(super) fn tell_changed(tx: &mut Tx<'_, '_>, id: &ClientId, now: Instant) -> Result<()> {
    let event = event_id(id.as_str(), version(tx, id)?.unwrap_or_default())?;
    let aud = audiences(tx, id)?;
    event::emit(tx, &Event { aud, ..Event::of_client(event, now, EventKind::ClientChanged, Some(id.clone())) })
}

/// Replaces a client's secret; `false` when there is no such client. With `keep` the present one counts until that moment. What was
/// before the present one ends at once.
pub fn set_secret(
    tx: &mut Tx<'_, '_>,
    id: &ClientId,
    secret: &StoredSecret,
    keep: Option<(&SecretKey, Instant)>,
    actor: &Actor,
    now: Instant,
) -> Result<bool> {
    let Some(old) = load(tx, id)? else { return Ok(false) };
    let former = keep
        .zip(old.secret)
        .and_then(|((key, until), secret)| key.renewed_form(secret).map(|secret| FormerSecret { secret, until }));
    let ([kind, secret], [text, until]) = (secret.columns(), former_columns(former.as_ref()));
    tx.execute(
        "update clients set secret_kind = ?2, secret = ?3, updated_at = ?4, former_secret = ?5, former_secret_until = ?6,
         version = case when version < ?4 then ?4 else version + 1 end where id = ?1",
        &[id.as_str().into(), kind, secret, now.into(), text, until],
    )?;
    let mut entry = Entry::new(now, actor.clone(), AuditAction::ClientSecretRotated);
    entry.client = Some(id.clone());
    if let Some(former) = former {
        entry.detail = json!({"former_until": former.until.rfc3339()});
    }
    audit::append(tx, &entry)?;
    Ok(true)
}

/// Housekeeping: forgets at most `limit` former secrets whose time is over, and records each. Authentication refuses them from that
/// moment on, whether they are forgotten yet or not.
pub fn forget_former_secrets(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    let rows = tx.rows(
        "select id from clients where former_secret is not null and former_secret_until <= ?1
         order by former_secret_until limit ?2",
        &[now.into(), limit.into()],
    )?;
    for row in &rows {
        let id = row.text(0)?;
        tx.execute("update clients set former_secret = null, former_secret_until = null where id = ?1", &[id.into()])?;
        let entry = Entry::new(now, Actor::System, AuditAction::ClientFormerSecretEnded);
        audit::append(tx, &Entry { client: ClientId::parse(id), ..entry })?;
    }
    Ok(rows.len() as u64)
}

/// The result of a request to change a client's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The status has changed; audit record and event are written.
    Yes,
    /// It had this status already.
    Already,
    /// This change is not possible from the client's status.
    Not(Status),
    /// The record has changed since it was looked at.
    Newer,
    /// There is no such client.
    Unknown,
}

/// A client's status.
pub fn status_of(tx: &mut Tx<'_, '_>, id: &ClientId) -> Result<Option<Status>> {
    let Some(row) = tx.row("select status from clients where id = ?1", &[id.as_str().into()])? else { return Ok(None) };
    let corrupt = || Error::Corrupt { table: "clients", row: id.to_string(), why: "unknown status".into() };
    Status::parse(row.text(0)?).ok_or_else(corrupt).map(Some)
}

/// Suspends an active client or resumes a suspended one: the new state, the audit record and the lifecycle event
/// `client.suspended` or `client.resumed`, under the id `event`, in one transaction. No other change is made here: what
/// waits for approval is `registration`'s.
pub fn set_status(
    tx: &mut Tx<'_, '_>,
    id: &ClientId,
    status: Status,
    actor: &Actor,
    event: &EventId,
    now: Instant,
) -> Result<Changed> {
    let (from, kind) = match status {
        Status::Active => (Status::Suspended, EventKind::ClientResumed),
        Status::Suspended => (Status::Active, EventKind::ClientSuspended),
        Status::Pending | Status::Ended => return Ok(Changed::Not(status)),
    };
    change_status(tx, id, (from, status, kind), actor, event, now)
}

/// Writes one change of a client's status, with audit record and event.
pub(super) fn change_status(
    tx: &mut Tx<'_, '_>,
    id: &ClientId,
    (from, to, kind): (Status, Status, EventKind),
    actor: &Actor,
    event: &EventId,
    now: Instant,
) -> Result<Changed> {
    let rows = tx.execute(
        "update clients set status = ?2, updated_at = ?3,
         version = case when version < ?3 then ?3 else version + 1 end where id = ?1 and status = ?4",
        &[id.as_str().into(), to.as_str().into(), now.into(), from.as_str().into()],
    )?;
    if rows == 0 {
        return Ok(match status_of(tx, id)? {
            None => Changed::Unknown,
            Some(status) if status == to => Changed::Already,
            Some(status) => Changed::Not(status),
        });
    }
    record_change(tx, (id, kind, json!({})), actor, event, now)?;
    Ok(Changed::Yes)
}

/// The audit record of a change, with its detail, and the event of the same name.
pub(super) fn record_change(
    tx: &mut Tx<'_, '_>,
    (id, kind, detail): (&ClientId, EventKind, serde_json::Value),
    actor: &Actor,
    event: &EventId,
    now: Instant,
) -> Result<()> {
    audit::append(
        tx,
        &Entry { client: Some(id.clone()), detail, ..Entry::new(now, actor.clone(), AuditAction::Event(kind)) },
    )?;
    let aud = audiences(tx, id)?;
    let detail = match kind {
        EventKind::ClientSuspended | EventKind::ClientResumed => json!({"by": "institution"}),
        _ => json!({}),
    };
    event::emit(tx, &Event { aud, detail, ..Event::of_client(event.clone(), now, kind, Some(id.clone())) })
}

/// The most audiences of one client.
const MOST_AUDIENCES: i64 = 64;

/// Notes for which audiences a client has a grant or a token of its own.
pub fn add_audiences(tx: &mut Tx<'_, '_>, id: &ClientId, audiences: &[String]) -> Result<()> {
    for aud in audiences {
        let sql = "insert into client_audiences (client_id, aud) values (?1, ?2) on conflict do nothing";
        tx.execute(sql, &[id.as_str().into(), aud.as_str().into()])?;
    }
    Ok(())
}

/// The audiences of the grants and of the own tokens that a client has ever had: their resource servers hear of changes of its
/// record.
fn audiences(tx: &mut Tx<'_, '_>, id: &ClientId) -> Result<Vec<String>> {
    let sql = "select aud from client_audiences where client_id = ?1 order by aud limit ?2";
    let rows = tx.rows(sql, &[id.as_str().into(), MOST_AUDIENCES.into()])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}
