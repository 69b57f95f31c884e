//! Locks on linking, as staff sees and releases them (G5, R33).

use super::{AdminContext, AdminError, StaffReason};
use crate::account::Account;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::identity::lockout;
use serde_json::{Value, json};

/// The most locks in a response.
const MOST: i64 = 500;

pub(super) async fn list(
    service: &AdminContext,
    why: StaffReason,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let crypto = service.crypto.clone();
    let found = service.store.write(move |tx| {
        let locks = lockout::list(tx, &crypto, now, MOST)?;
        let entry = Entry {
            detail: json!({"locks": locks.len(), "reason": why.as_str()}),
            ..Entry::new(now, actor.clone(), AuditAction::StaffLocksListed)
        };
        audit::append(tx, &entry)?;
        for lock in &locks {
            let (action, detail) = (AuditAction::StaffLockShown, json!({"reason": why.as_str()}));
            let account = Some(crypto.account(&lock.account));
            audit::append(tx, &Entry { action, account, detail, ..entry.clone() })?;
        }
        Ok(locks)
    });
    let told = |l: &lockout::LockEntry| {
        json!({
            "account": service.access.shown(&l.account),
            "locked": l.locked,
            "since": l.since.rfc3339(),
            "until": l.until.map(Instant::rfc3339),
            "unanswered": l.unanswered,
        })
    };
    Ok(json!({"locks": found.await?.iter().map(told).collect::<Vec<_>>()}))
}

pub(super) async fn release(
    service: &AdminContext,
    account: Account,
    why: StaffReason,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let (crypto, wanted) = (service.crypto.clone(), account.clone());
    let released =
        service.store.write(move |tx| lockout::release(tx, &crypto, &wanted, actor.clone(), why.as_str(), now)).await?;
    if released {
        Ok(json!({"account": service.access.shown(&account), "released": true}))
    } else {
        Err(AdminError::NotNow(format!("{account} is not locked")))
    }
}
