//! Grants, as staff sees and revokes them.

use super::{AdminContext, AdminError, StaffReason};
use crate::account::Account;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event;
use crate::grant::uses::LastUse;
use crate::grant::{self, Ended, Grant, GrantState, Narrowed, Reason};
use crate::id::GrantId;
use serde_json::{Value, json};

/// The most grants in a response: more than one account can have in years.
const MOST: i64 = 500;

/// A grant as JSON: what staff can tell a customer on the telephone.
fn grant_json(service: &AdminContext, grant: &Grant, now: Instant) -> Value {
    let state = grant.state_at(now);
    let (activated, by) = match &state {
        GrantState::Active { since } => (Some(*since), None),
        GrantState::Replaced { by, .. } => (None, Some(by.to_string())),
        GrantState::Revoked { by, .. } => (None, Some(by.as_str().to_owned())),
        GrantState::Pending | GrantState::Expired { .. } => (None, None),
    };
    json!({
        "grant_id": grant.id,
        "client_id": grant.client,
        "account": grant.account(&service.crypto.sealer),
        "reference": grant.reference,
        "scope": grant.scope,
        "state": state.as_str(),
        "created_at": grant.created_at.rfc3339(),
        "activated_at": activated.map(Instant::rfc3339),
        "expires_at": grant.expires_at.rfc3339(),
        "ended_at": state.ended_at().map(Instant::rfc3339),
        "ended_by": by,
    })
}

pub(super) async fn list(
    service: &AdminContext,
    account: Account,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let index = service.crypto.account(&account);
    let found = service.store.write(move |tx| {
        let grants = grant::sql::of_account(tx, &index, MOST)?;
        let seen = json!({"grants": grants.len(), "reason": why.as_str()});
        let entry = Entry {
            account: Some(index),
            detail: seen,
            ..Entry::new(now, actor.clone(), AuditAction::StaffGrantsListed)
        };
        audit::append(tx, &entry)?;
        // A link that only shares this account is listed with the account it was verified by.
        let mut listed = vec![index];
        for grant in &grants {
            if !listed.contains(&grant.account_index) {
                listed.push(grant.account_index);
                audit::append(tx, &Entry { account: Some(grant.account_index), ..entry.clone() })?;
            }
        }
        Ok(grants)
    });
    let grants: Vec<Value> = found.await?.iter().map(|g| grant_json(service, g, now)).collect();
    Ok(json!({"account": account, "grants": grants}))
}

pub(super) async fn show(
    service: &AdminContext,
    id: GrantId,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let wanted = id.clone();
    let found = service.store.write(move |tx| {
        let Some(grant) = grant::sql::load(tx, &wanted)? else { return Ok(None) };
        let events = event::of_grant(tx, &wanted, 0, MOST)?;
        let used = grant::uses::last_use(tx, &wanted)?;
        let entry = Entry {
            client: Some(grant.client.clone()),
            grant: Some(wanted.clone()),
            account: Some(grant.account_index),
            detail: json!({"reason": why.as_str()}),
            ..Entry::new(now, actor.clone(), AuditAction::StaffGrantShown)
        };
        audit::append(tx, &entry)?;
        Ok(Some((grant, events, used)))
    });
    let (grant, events, used) = found.await?.ok_or_else(|| unknown(&id))?;
    let mut answer = grant_json(service, &grant, now);
    answer["consent_id"] = json!(grant.consent);
    if let Some(details) = grant.details.to_response() {
        answer["authorization_details"] = details;
    }
    answer["acr"] = json!(grant.acr);
    answer["auth_time"] = json!(grant.auth_time.rfc3339());
    let minute = |of: fn(LastUse) -> Option<Instant>| json!(used.and_then(of).map(Instant::rfc3339));
    answer["last_used_at"] = minute(|used| Some(used.at));
    answer["last_used"] =
        json!({"balances": minute(|used| used.balances), "transactions": minute(|used| used.transactions)});
    let story = |e: &event::Event| json!({"at": e.at.rfc3339(), "event": e.kind.as_str(), "detail": e.detail});
    answer["events"] = events.iter().map(story).collect();
    Ok(answer)
}

pub(super) async fn revoke(
    service: &AdminContext,
    id: GrantId,
    why: StaffReason,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let (wanted, note) = (id.clone(), why.as_str().to_owned());
    let ended = service.store.write(move |tx| {
        let reason = Reason::Institution { note: note.clone() };
        grant::end(tx, &wanted, &reason, actor.clone(), now)
    });
    match ended.await? {
        Ended::Now(grant) => Ok(grant_json(service, &grant, now)),
        Ended::Before(_) => Err(AdminError::NotNow(format!("grant {id} has ended already"))),
        Ended::Unknown => Err(unknown(&id)),
    }
}

/// Takes one account out of a grant. If it was verified by that account, or shares no other, it ends.
pub(super) async fn narrow(
    service: &AdminContext,
    id: GrantId,
    account: Account,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let (wanted, index, note) = (id.clone(), service.crypto.account(&account), why.as_str().to_owned());
    let narrowed = service.store.write(move |tx| {
        let reason = Reason::Institution { note: note.clone() };
        grant::narrow(tx, &wanted, &index, (&reason, actor.clone()), now)
    });
    match narrowed.await? {
        Narrowed::Now(grant) | Narrowed::Ended(grant) => Ok(grant_json(service, &grant, now)),
        Narrowed::NotShared => Err(AdminError::NotNow(format!("grant {id} does not share this account"))),
        Narrowed::Over => {
            let known =
                service.store.read(move |tx| grant::sql::load(tx, &id).map(|found| (id.clone(), found.is_some())));
            let (id, known) = known.await?;
            Err(if known { AdminError::NotNow(format!("grant {id} has ended already")) } else { unknown(&id) })
        }
    }
}

fn unknown(id: &GrantId) -> AdminError {
    AdminError::Unknown(format!("there is no grant {id}"))
}
