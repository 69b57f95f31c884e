//! The tables of registration. Every change of a client writes its state, the audit record and, if others must know,
//! the event, in one transaction.

use super::{initial, opens};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::client::sql::{Changed, change_status, record_change, save, status_of, version};
use crate::client::{self, Client, Status, difference, metadata};
use crate::clock::Instant;
use crate::event::EventKind;
use crate::id::{ClientId, EventId, TokenId};
use crate::secret::Hash;
use crate::store::{Error, Result, Tx};
use serde_json::{Value as Json, json};

/// A client that manages its own record.
#[derive(Debug, Clone)]
pub struct Managed {
    /// The approved record.
    pub client: Client,
    /// Its software statement.
    pub statement: Option<String>,
    /// The record it wants, if that waits for approval.
    pub proposed: Option<Client>,
}

/// A new client that registers itself.
#[derive(Debug, Clone)]
pub struct New {
    /// The record.
    pub client: Client,
    /// SHA-256 of its registration access token.
    pub token: Hash,
    /// The software statement it came with.
    pub statement: Option<String>,
    /// The initial access token it came with.
    pub initial: TokenId,
}

/// The result of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationResult {
    /// It waits for approval.
    Yes,
    /// Another registration took the token's last use.
    Spent,
    /// Too many clients are waiting for approval.
    Full,
}

/// Registers a client (RFC 7591): pending, whatever its record says.
pub fn create(tx: &mut Tx<'_, '_>, new: &New, most: u32, event: &EventId, now: Instant) -> Result<RegistrationResult> {
    let waiting = tx.row("select count(*) from clients where status = 'pending'", &[])?;
    if waiting.map_or(Ok(0), |r| r.int(0))? >= i64::from(most) {
        return Ok(RegistrationResult::Full);
    }
    if !initial::spend(tx, &new.initial, now)? {
        return Ok(RegistrationResult::Spent);
    }
    let client = Client { status: Status::Pending, ..new.client.clone() };
    save(tx, &client, now)?;
    tx.execute(
        "insert into client_registrations (client_id, token, statement) values (?1, ?2, ?3)",
        &[client.id.as_str().into(), new.token.into(), new.statement.as_deref().into()],
    )?;
    let mut detail = difference::detail(None, &client);
    detail["initial_token"] = json!(new.initial);
    let actor = Actor::Client(client.id.clone());
    record_change(tx, (&client.id, EventKind::ClientRegistered, detail), &actor, event, now)?;
    Ok(RegistrationResult::Yes)
}

/// The member of a proposed record with its software statement.
const STATEMENT: &str = "software_statement";

fn read_proposed(text: Option<&str>, client: &Client) -> Result<Option<(Client, Option<String>)>> {
    let Some(text) = text else { return Ok(None) };
    let corrupt = |why: String| Error::Corrupt { table: "client_registrations", row: client.id.to_string(), why };
    let record: Json = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
    let statement = record[STATEMENT].as_str().map(str::to_owned);
    let wanted = metadata::parse(&record, client.id.clone(), &metadata::Rules::STORED, client.created_at);
    let wanted = wanted.map_err(|refusal| corrupt(refusal.to_string()))?;
    let (status, secret, version) = (client.status, client.secret.clone(), client.version);
    let former_secret = client.former_secret.clone();
    Ok(Some((Client { status, secret, former_secret, version, ..wanted }, statement)))
}

/// The client, when `token` is the SHA-256 of its registration access token. Whether there is no such client, one that
/// manages nothing, or another token, is one answer.
pub fn load(tx: &mut Tx<'_, '_>, id: &ClientId, token: &Hash) -> Result<Option<Managed>> {
    let sql = "select token, statement, proposed from client_registrations where client_id = ?1";
    let Some(row) = tx.row(sql, &[id.as_str().into()])? else { return Ok(None) };
    if !Hash::from_bytes(row.bytes(0)?).is_some_and(|kept| kept.same(token)) {
        return Ok(None);
    }
    let Some(client) = client::sql::load(tx, id)? else { return Ok(None) };
    let proposed = read_proposed(row.opt_text(2)?, &client)?.map(|(wanted, _)| wanted);
    Ok(Some(Managed { statement: row.opt_text(1)?.map(str::to_owned), proposed, client }))
}

/// What waits for approval of a client's record, for staff.
pub fn proposed(tx: &mut Tx<'_, '_>, client: &Client) -> Result<Option<Client>> {
    Ok(waiting(tx, client)?.map(|(wanted, _)| wanted))
}

/// The same with its software statement.
fn waiting(tx: &mut Tx<'_, '_>, client: &Client) -> Result<Option<(Client, Option<String>)>> {
    let sql = "select proposed from client_registrations where client_id = ?1";
    let row = tx.row(sql, &[client.id.as_str().into()])?;
    row.map_or(Ok(None), |row| read_proposed(row.opt_text(0)?, client))
}

/// Replaces the record by the one the client wants (RFC 7592 §2.2). Where that opens something to an approved client, it
/// waits, and the approved record stays in force. Returns whether it waits.
pub fn change(
    tx: &mut Tx<'_, '_>,
    managed: &Managed,
    wanted: &Client,
    statement: Option<&str>,
    now: Instant,
) -> Result<bool> {
    let (id, standing) = (&managed.client.id, &managed.client);
    let same = metadata::document(standing) == metadata::document(wanted) && standing.secret == wanted.secret;
    if same && managed.proposed.is_none() && managed.statement.as_deref() == statement {
        return Ok(false); // repeated as often as anybody likes, it leaves no trace
    }
    let waits = standing.status != Status::Pending && opens(standing, wanted);
    // The new secret must be returned now; it works only after the new authentication method is approved.
    let record = if waits { standing } else { wanted };
    let secret = wanted.secret.clone().filter(|_| waits || wanted.auth_method.is_secret());
    // The former one ends with the present one.
    let former_secret = standing.former_secret.clone().filter(|_| secret == standing.secret);
    save(tx, &Client { secret, former_secret, ..record.clone() }, now)?;
    let proposed = waits.then(|| {
        let mut record = metadata::document(wanted);
        record[STATEMENT] = statement.into();
        record.to_string()
    });
    // The statement belongs to its record.
    let statement = if waits { managed.statement.as_deref() } else { statement };
    tx.execute(
        "update client_registrations set statement = ?2, proposed = ?3 where client_id = ?1",
        &[id.as_str().into(), statement.into(), proposed.into()],
    )?;
    let action = if waits { AuditAction::ClientChangeProposed } else { AuditAction::Event(EventKind::ClientChanged) };
    if !waits {
        client::sql::tell_changed(tx, id, now)?;
    }
    note(tx, id, action, difference::detail(Some(standing), wanted), &Actor::Client(id.clone()), now)?;
    Ok(waits)
}

fn note(
    tx: &mut Tx<'_, '_>,
    id: &ClientId,
    action: AuditAction,
    detail: Json,
    actor: &Actor,
    now: Instant,
) -> Result<()> {
    let entry = Entry { client: Some(id.clone()), detail, ..Entry::new(now, actor.clone(), action) };
    audit::append(tx, &entry)
}

fn forget_proposal(tx: &mut Tx<'_, '_>, id: &ClientId) -> Result<bool> {
    let sql = "update client_registrations set proposed = null where client_id = ?1 and proposed is not null";
    Ok(tx.execute(sql, &[id.as_str().into()])? > 0)
}

/// The record that an approval would put in force, if something waits.
pub fn to_approve(tx: &mut Tx<'_, '_>, id: &ClientId) -> Result<Option<Client>> {
    let Some(client) = client::sql::load(tx, id)? else { return Ok(None) };
    let wanted = proposed(tx, &client)?;
    Ok(wanted.or_else(|| (client.status == Status::Pending).then_some(client)))
}

/// Approves what waits: a new client, which customers may reach from now on, or a change, which is now in force. Where
/// `seen` names a version, only if the record is still that one: nobody slips another record under a signature.
pub fn approve(
    tx: &mut Tx<'_, '_>,
    id: &ClientId,
    seen: Option<i64>,
    actor: &Actor,
    event: &EventId,
    now: Instant,
) -> Result<Changed> {
    let Some(version) = version(tx, id)? else { return Ok(Changed::Unknown) };
    if seen.is_some_and(|seen| seen != version) {
        return Ok(Changed::Newer);
    }
    let found = match client::sql::load(tx, id)? {
        Some(client) => waiting(tx, &client)?.map(|waiting| (client, waiting)),
        None => None,
    };
    let Some((standing, (wanted, statement))) = found else {
        return change_status(tx, id, (Status::Pending, Status::Active, EventKind::ClientApproved), actor, event, now);
    };
    let mut detail = difference::detail(Some(&standing), &wanted);
    detail["change"] = true.into();
    let uses_secret = wanted.auth_method.is_secret();
    let (secret, former_secret) = (wanted.secret.filter(|_| uses_secret), wanted.former_secret.filter(|_| uses_secret));
    save(tx, &Client { secret, former_secret, ..wanted }, now)?;
    tx.execute(
        "update client_registrations set statement = ?2, proposed = null where client_id = ?1",
        &[id.as_str().into(), statement.into()],
    )?;
    client::sql::tell_changed(tx, id, now)?;
    record_change(tx, (id, EventKind::ClientApproved, detail), actor, event, now)?;
    Ok(Changed::Yes)
}

/// Refuses what waits: a new client is gone, a change forgotten.
pub fn decline(tx: &mut Tx<'_, '_>, id: &ClientId, actor: &Actor, event: &EventId, now: Instant) -> Result<Changed> {
    if forget_proposal(tx, id)? {
        note(tx, id, AuditAction::ClientChangeDeclined, json!({}), actor, now)?;
        return Ok(Changed::Yes);
    }
    match status_of(tx, id)? {
        None => Ok(Changed::Unknown),
        Some(Status::Pending) => end(tx, id, actor, event, now).map(|()| Changed::Yes),
        Some(other) => Ok(Changed::Not(other)),
    }
}

/// Ends a client for good (RFC 7592 §2.3): from this moment nothing of it is live. A client nobody approved leaves
/// nothing but its audit record; of another one the record stays, for those who ask what a past link was.
pub fn end(tx: &mut Tx<'_, '_>, id: &ClientId, actor: &Actor, event: &EventId, now: Instant) -> Result<()> {
    tx.execute("delete from client_registrations where client_id = ?1", &[id.as_str().into()])?;
    if tx.execute("delete from clients where id = ?1 and status = 'pending'", &[id.as_str().into()])? == 0 {
        tx.execute(
            "update clients set status = 'ended', secret_kind = null, secret = null, former_secret = null,
             former_secret_until = null, updated_at = ?2,
             version = case when version < ?2 then ?2 else version + 1 end where id = ?1",
            &[id.as_str().into(), now.into()],
        )?;
    }
    record_change(tx, (id, EventKind::ClientEnded, json!({})), actor, event, now)
}

/// A new registration access token for a client, also for one that was imported; the old one ends at once. `false` when
/// there is no such client, or it has ended.
pub fn set_token(tx: &mut Tx<'_, '_>, id: &ClientId, token: Hash, actor: &Actor, now: Instant) -> Result<bool> {
    if status_of(tx, id)?.is_none_or(|s| s == Status::Ended) {
        return Ok(false);
    }
    tx.execute(
        "insert into client_registrations (client_id, token) values (?1, ?2)
         on conflict (client_id) do update set token = excluded.token",
        &[id.as_str().into(), token.into()],
    )?;
    note(tx, id, AuditAction::ClientRegistrationTokenMade, json!({}), actor, now)?;
    Ok(true)
}

/// Housekeeping: drops clients that registered themselves before `before` and were never approved. Returns how many.
pub fn prune(tx: &mut Tx<'_, '_>, before: Instant, limit: i64, now: Instant) -> Result<u64> {
    let rows = tx.rows(
        "select c.id from clients c join client_registrations r on r.client_id = c.id
         where c.status = 'pending' and c.created_at < ?1 order by c.created_at, c.id limit ?2",
        &[before.into(), limit.into()],
    )?;
    let mut gone = 0;
    for row in rows {
        let corrupt = || Error::Corrupt { table: "clients", row: String::new(), why: "id".into() };
        let id = ClientId::parse(row.text(0)?).ok_or_else(corrupt)?;
        // A client ends once, so the event's id can be derived from its id; our ids have 22 characters.
        let Some(event) = EventId::parse(&format!("{id}.ended")) else { continue };
        end(tx, &id, &Actor::System, &event, now)?;
        gone += 1;
    }
    Ok(gone)
}
