//! Undelivered notices, as staff sees them. No address is unsealed or shown, so a query is not recorded; a retry is.

use super::{AdminContext, AdminError};
use crate::audit::Actor;
use crate::clock::Instant;
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

pub(super) async fn list(service: &AdminContext) -> Result<Value, AdminError> {
    let mut found = service.store.scan(|tx| outbox::undelivered(tx, MOST + 1)).await?;
    let more = found.len() > MOST.unsigned_abs() as usize;
    found.truncate(MOST.unsigned_abs() as usize);
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
