//! Copies of the store, and what must happen to one before a server may use it.

use super::{AdminContext, AdminError};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event;
use crate::grant;
use crate::identity;
use crate::notice_address;
use crate::store::Store;
use crate::token;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Tokens revoked in one transaction.
const BATCH: i64 = 500;

pub(super) async fn make(
    service: &AdminContext,
    file: PathBuf,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    if file.exists() {
        return Err(AdminError::NotNow(format!("{} exists already", file.display())));
    }
    let named = file.display().to_string();
    service.store.backup(file).await?;
    let entry =
        Entry { detail: json!({"file": named}), ..Entry::new(now, actor.clone(), AuditAction::StaffBackupMade) };
    service.store.write(move |tx| audit::append(tx, &entry)).await?;
    Ok(json!({"file": named}))
}

/// Prepares a restored store for use: revokes every live token and every unused code in it and deletes proofing
/// sessions and the addresses for notices, because their fate after the copy is unknown. Grants stay; apps link again. Every revoked token gets its
/// event, like any other. Numbers and positions of events go on above all that were given since the copy, so that no
/// receiver takes a new event for one it has.
///
/// # Errors
/// Those of the store. If interrupted, call it again.
pub async fn restored(store: &Store, staff: &str, now: Instant) -> Result<Value, AdminError> {
    let mut after = String::new();
    loop {
        let from = after.clone();
        match store.write(move |tx| grant::sql::skip_numbers(tx, &from, now, BATCH)).await? {
            Some(last) => after = last,
            None => break,
        }
    }
    store.write(event::skip_positions).await?;
    let (mut tokens, mut codes) = (0_u64, 0_u64);
    loop {
        let (some_tokens, some_codes) = store
            .write(move |tx| Ok((token::revoke::restored(tx, now, BATCH)?, grant::code::drop_unused(tx, BATCH)?)))
            .await?;
        (tokens, codes) = (tokens + some_tokens, codes + some_codes);
        let forgotten = store.write(move |tx| identity::proofing_session::drop_restored(tx, BATCH)).await?
            + store.write(move |tx| notice_address::drop_restored(tx, BATCH)).await?;
        if some_tokens + some_codes + forgotten == 0 {
            break;
        }
    }
    let actor = Actor::Staff(staff.to_owned());
    let answer = json!({"tokens": tokens, "codes": codes});
    let entry = Entry { detail: answer.clone(), ..Entry::new(now, actor.clone(), AuditAction::StaffBackupRestored) };
    store.write(move |tx| audit::append(tx, &entry)).await?;
    Ok(answer)
}
