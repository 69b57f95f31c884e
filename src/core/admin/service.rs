//! The switch of the whole service, as staff use it.

use super::{AdminContext, AdminError, StaffReason};
use crate::audit::Actor;
use crate::clock::Instant;
use crate::identity::service_switch;
use serde_json::{Value, json};

pub(super) async fn show(service: &AdminContext) -> Result<Value, AdminError> {
    Ok(match service.store.read(service_switch::read).await? {
        Some(off) => {
            json!({"off": true, "since": off.since.rfc3339(), "by": off.actor, "reason": off.reason})
        }
        None => json!({"off": false}),
    })
}

pub(super) async fn switch(
    service: &AdminContext,
    off: bool,
    why: StaffReason,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let work = move |tx: &mut crate::store::Tx<'_, '_>| service_switch::set(tx, off, why.as_str(), actor.clone(), now);
    if service.store.write(work).await? {
        Ok(json!({"off": off, "changed": true}))
    } else {
        let word = if off { "off" } else { "on" };
        Err(AdminError::NotNow(format!("the service is {word} already")))
    }
}
