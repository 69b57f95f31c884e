//! Undelivered notices, as staff sees them. No address is unsealed or shown.

use super::{AdminContext, AdminError, StaffReason};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::grant;
use crate::id::NoticeId;
use crate::lifecycle::outbox::{self, Retried, Undelivered};
use serde_json::{Value, json};

/// The most notices in a response.
const MOST: i64 = 500;

fn notice_json(n: &Undelivered) -> Value {
    let time = |at: Option<Instant>| at.map(Instant::rfc3339);
    json!({
        "notice_id": n.id,
        "kind": n.kind,
        "state": n.state,
        "grant_id": n.grant,
        "client_id": n.client,
        "reference": n.reference,
        "created_at": n.created_at.rfc3339(),
        "attempts": n.attempts,
        "trouble": n.trouble,
        "next_at": time(n.next_at),
        "tried_until": time(n.until),
        "given_up_at": time(n.done_at),
    })
}

pub(super) async fn list(
    service: &AdminContext,
    why: StaffReason,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let found = service.store.write(move |tx| {
        let mut found = outbox::undelivered(tx, MOST + 1)?;
        let more = found.len() > MOST.unsigned_abs() as usize;
        found.truncate(MOST.unsigned_abs() as usize);
        let entry = Entry {
            detail: json!({"notices": found.len(), "reason": why.as_str()}),
            ..Entry::new(now, actor.clone(), AuditAction::StaffNoticesListed)
        };
        audit::append(tx, &entry)?;
        for notice in &found {
            let Some(id) = &notice.grant else { continue };
            let entry = Entry {
                client: notice.client.clone(),
                grant: Some(id.clone()),
                account: grant::sql::account_of(tx, id)?,
                detail: json!({"notice": notice.id, "reason": why.as_str()}),
                ..Entry::new(now, actor.clone(), AuditAction::StaffNoticeShown)
            };
            audit::append(tx, &entry)?;
        }
        Ok((found, more))
    });
    let (found, more) = found.await?;
    Ok(json!({"notices": found.iter().map(notice_json).collect::<Vec<_>>(), "more": more}))
}

pub(super) async fn retry(
    service: &AdminContext,
    id: NoticeId,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let wanted = id.clone();
    let not_now = |why: &str| Err(AdminError::NotNow(format!("notice {id} {why}")));
    match service.store.write(move |tx| outbox::retry(tx, &wanted, actor.clone(), now)).await? {
        Retried::Now => Ok(json!({"notice_id": id, "state": "waiting"})),
        Retried::Held => not_now("is held until the app redeems its code"),
        Retried::InDelivery => not_now("is being delivered at this moment"),
        Retried::Sent => not_now("was delivered already"),
        Retried::Erased => not_now("cannot be sent: its address was erased"),
        Retried::Unknown => Err(AdminError::Unknown(format!("there is no notice {id}"))),
    }
}
