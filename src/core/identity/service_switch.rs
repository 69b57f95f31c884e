//! The switch of the whole service (R37, G7). Staff switch it off when nobody is to link for a while, and on again.
//!
//! The store holds it, so every node knows it at once. It is read in the transaction of each step: one look by a primary key in a
//! table of one row at most. Links that exist live on: it stops nobody's introspection and no revocation.

use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::store::{Result, Tx};
use serde_json::json;

/// The service is switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchedOff {
    /// Since when.
    pub since: Instant,
    /// Why, in the words of staff.
    pub reason: String,
    /// Who switched it off.
    pub actor: String,
}

/// Whether the service is off, and since when; `None`: it is on.
///
/// # Errors
/// The store's.
pub fn read(tx: &mut Tx<'_, '_>) -> Result<Option<SwitchedOff>> {
    let row = tx.row("select since, reason, actor from service_off where id = 1", &[])?;
    row.map(|row| {
        Ok(SwitchedOff { since: row.instant(0)?, reason: row.text(1)?.to_owned(), actor: row.text(2)?.to_owned() })
    })
    .transpose()
}

/// Whether the service is off.
///
/// # Errors
/// The store's.
pub fn is_off(tx: &mut Tx<'_, '_>) -> Result<bool> {
    Ok(read(tx)?.is_some())
}

/// Switches it off or on, with a record of who did it and why. Returns whether that changed anything: who switches it off twice
/// leaves the first time and reason as they are.
///
/// # Errors
/// The store's.
pub fn set(tx: &mut Tx<'_, '_>, off: bool, reason: &str, actor: Actor, now: Instant) -> Result<bool> {
    let changed = if off {
        tx.execute(
            "insert into service_off (id, since, reason, actor) values (1, ?1, ?2, ?3) on conflict (id) do nothing",
            &[now.into(), reason.into(), actor.written().into()],
        )?
    } else {
        tx.execute("delete from service_off where id = 1", &[])?
    };
    if changed == 0 {
        return Ok(false);
    }
    let action = if off { AuditAction::StaffServiceOff } else { AuditAction::StaffServiceOn };
    audit::append(tx, &Entry { detail: json!({"reason": reason}), ..Entry::new(now, actor, action) })?;
    Ok(true)
}
