//! Grants, as staff sees and revokes them.

use super::{AdminContext, AdminError, StaffReason};
use crate::account::Account;
use crate::audit::{self, Actor, AuditAction, Entry, GrantEnd};
use crate::clock::Instant;
use crate::consent::{self, ConsentKey};
use crate::event;
use crate::grant::uses::LastUse;
use crate::grant::{self, Ended, Grant, GrantState, Narrowed, Reason};
use crate::id::GrantId;
use crate::store::{self, Tx};
use serde_json::{Value, json};

/// The most grants in a response: more than one account can have in years.
const MOST: i64 = 500;

/// Whose grants are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantsOf {
    /// An account's, verified by it or sharing it.
    Account(Account),
    /// Those that a 受付番号 names.
    Receipt(String),
}
impl GrantsOf {
    /// Name and value in a query.
    pub(super) fn query(&self) -> (&'static str, String) {
        match self {
            Self::Account(account) => ("account", account.to_string()),
            Self::Receipt(receipt) => ("receipt", receipt.clone()),
        }
    }
}

/// What names one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantKey {
    /// Its id.
    Id(GrantId),
    /// 受付番号, which may repeat.
    Receipt(String),
}
impl GrantKey {
    /// Reads an id or 受付番号 (`ABCD-1234`, in any case).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        receipt(text).map(Self::Receipt).or_else(|| GrantId::parse(text).map(Self::Id))
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id.as_str(),
            Self::Receipt(receipt) => receipt,
        }
    }
}

/// Reads 受付番号.
pub(super) fn receipt(text: &str) -> Option<String> {
    match ConsentKey::parse(text)? {
        ConsentKey::Reference(receipt) => Some(receipt),
        ConsentKey::Id(_) => None,
    }
}

/// A grant as JSON: what staff can tell a customer on the telephone.
fn grant_json(service: &AdminContext, of: &Known, now: Instant) -> Value {
    let Known { grant, activated_at, end } = of;
    let state = grant.state_at(now);
    let by = match &state {
        GrantState::Replaced { by, .. } => Some(by.to_string()),
        GrantState::Revoked { by, .. } => Some(by.as_str().to_owned()),
        GrantState::Pending | GrantState::Active { .. } | GrantState::Expired { .. } => None,
    };
    let account = grant.account(&service.crypto.sealer);
    json!({
        "grant_id": grant.id,
        "client_id": grant.client,
        "account": account.map(|account| service.access.shown(&account)),
        "accounts": grant.details.accounts,
        "reference": grant.reference,
        "scope": grant.scope,
        "state": state.as_str(),
        "created_at": grant.created_at.rfc3339(),
        "activated_at": activated_at.map(Instant::rfc3339),
        "expires_at": grant.expires_at.rfc3339(),
        "ended_at": state.ended_at().map(Instant::rfc3339),
        "ended_by": by,
        "ended_by_actor": end.as_ref().map(|end| &end.actor),
        "ended_why": end.as_ref().and_then(|end| end.note.as_ref()),
    })
}

/// The grants that a 受付番号 names, the newest first: those that rest on a consent with this number or were made or changed by one.
fn of_receipt(tx: &mut Tx<'_, '_>, receipt: &str) -> store::Result<Vec<Grant>> {
    let mut ids: Vec<GrantId> = Vec::new();
    for record in consent::show::find(tx, &ConsentKey::Reference(receipt.to_owned()), MOST_RECEIPTS)? {
        ids.extend(record.grants.iter().cloned());
        // A later change rests on another consent; the audit record still says which procedure made the grant.
        ids.extend(audit::grants_made_by(tx, &record.account_index, &record.interaction)?);
    }
    ids.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    ids.dedup();
    let mut grants = Vec::new();
    for id in &ids {
        grants.extend(grant::sql::load(tx, id)?);
    }
    grants.sort_by_key(|grant| std::cmp::Reverse(grant.created_at));
    Ok(grants)
}
/// The most consent records that one 受付番号 may name in an answer.
const MOST_RECEIPTS: i64 = 20;

/// What is known of a grant beside its row.
struct Known {
    grant: Grant,
    /// When its app redeemed the code; of a grant that has ended, too.
    activated_at: Option<Instant>,
    /// Its end, if it has ended.
    end: Option<GrantEnd>,
}

fn known(tx: &mut Tx<'_, '_>, grant: Grant) -> store::Result<Known> {
    let end = grant.state.ended_at().map(|_| audit::end_of_grant(tx, &grant.id)).transpose()?.flatten();
    Ok(Known { activated_at: grant::sql::activated_at(tx, &grant.id)?, end, grant })
}

pub(super) async fn list(
    service: &AdminContext,
    of: GrantsOf,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let index = match &of {
        GrantsOf::Account(account) => Some(service.crypto.account(account)),
        GrantsOf::Receipt(_) => None,
    };
    let wanted = of.clone();
    let found = service.store.write(move |tx| {
        let grants = match (&wanted, &index) {
            (GrantsOf::Account(_), Some(index)) => grant::sql::of_account(tx, index, MOST)?,
            (GrantsOf::Receipt(receipt), _) => of_receipt(tx, receipt)?,
            (GrantsOf::Account(_), None) => Vec::new(),
        };
        let mut seen = json!({"grants": grants.len(), "reason": why.as_str()});
        if let GrantsOf::Receipt(receipt) = &wanted {
            seen["reference"] = receipt.as_str().into();
        }
        let entry =
            Entry { account: index, detail: seen, ..Entry::new(now, actor.clone(), AuditAction::StaffGrantsListed) };
        // A link that only shares this account is listed with the account it was verified by.
        let mut listed: Vec<_> = index.into_iter().collect();
        if !listed.is_empty() || grants.is_empty() {
            audit::append(tx, &entry)?;
        }
        for grant in &grants {
            if !listed.contains(&grant.account_index) {
                listed.push(grant.account_index);
                audit::append(tx, &Entry { account: Some(grant.account_index), ..entry.clone() })?;
            }
        }
        grants.into_iter().map(|grant| known(tx, grant)).collect::<store::Result<Vec<_>>>()
    });
    let found = found.await?;
    let grants: Vec<Value> = found.iter().map(|of| grant_json(service, of, now)).collect();
    Ok(match of {
        GrantsOf::Account(account) => json!({"account": service.access.shown(&account), "grants": grants}),
        GrantsOf::Receipt(receipt) => json!({"reference": receipt, "grants": grants}),
    })
}

/// The one grant that a key names.
async fn named(service: &AdminContext, of: GrantKey) -> Result<GrantId, AdminError> {
    let receipt = match of {
        GrantKey::Id(id) => return Ok(id),
        GrantKey::Receipt(receipt) => receipt,
    };
    let wanted = receipt.clone();
    let found = service.store.read(move |tx| of_receipt(tx, &wanted)).await?;
    match found.as_slice() {
        [] => Err(AdminError::Unknown(format!("there is no link with 受付番号 {receipt}"))),
        [one] => Ok(one.id.clone()),
        several => {
            let ids: Vec<&str> = several.iter().map(|grant| grant.id.as_str()).collect();
            Err(AdminError::NotNow(format!("受付番号 {receipt} names several links: {}", ids.join(", "))))
        }
    }
}

pub(super) async fn show(
    service: &AdminContext,
    of: GrantKey,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let id = named(service, of).await?;
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
        Ok(Some((known(tx, grant)?, events, used)))
    });
    let (of, events, used) = found.await?.ok_or_else(|| unknown(&id))?;
    let mut answer = grant_json(service, &of, now);
    let grant = of.grant;
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
    let (wanted, note) = (id, why.as_str().to_owned());
    let ended = service.store.write(move |tx| {
        let reason = Reason::Institution { note: note.clone() };
        match grant::end(tx, &wanted, &reason, actor.clone(), now)? {
            Ended::Now(grant) => known(tx, *grant).map(Ok),
            Ended::Before(_) => Ok(Err(AdminError::NotNow(format!("grant {wanted} has ended already")))),
            Ended::Unknown => Ok(Err(unknown(&wanted))),
        }
    });
    Ok(grant_json(service, &ended.await??, now))
}

/// Takes one account out of a grant. If it was verified by that account, or shares no other, it ends.
pub(super) async fn narrow(
    service: &AdminContext,
    id: GrantId,
    account: Account,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let (wanted, index, note) = (id, service.crypto.account(&account), why.as_str().to_owned());
    let narrowed = service.store.write(move |tx| {
        let reason = Reason::Institution { note: note.clone() };
        let refused = match grant::narrow(tx, &wanted, &index, (&reason, actor.clone()), now)? {
            Narrowed::Now(grant) | Narrowed::Ended(grant) => return known(tx, *grant).map(Ok),
            Narrowed::NotShared => AdminError::NotNow(format!("grant {wanted} does not share this account")),
            Narrowed::Over if grant::sql::load(tx, &wanted)?.is_some() => {
                AdminError::NotNow(format!("grant {wanted} has ended already"))
            }
            Narrowed::Over => unknown(&wanted),
        };
        Ok(Err(refused))
    });
    Ok(grant_json(service, &narrowed.await??, now))
}

fn unknown(id: &GrantId) -> AdminError {
    AdminError::Unknown(format!("there is no grant {id}"))
}
