//! The mail address that gets notices about a link: its customer sees it masked, and takes it back.

use super::sql;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::id::GrantId;
use crate::keys::seal::Sealer;
use crate::notice_address;
use crate::store::{Result, Tx};

/// The address that gets notices about a link, as `t***@example.jp`; `None` where its customer wants none, or the link has
/// ended.
pub fn masked_address(tx: &mut Tx<'_, '_>, id: &GrantId, sealer: &Sealer) -> Result<Option<String>> {
    notice_address::masked_of(tx, id, sealer)
}

/// Takes the address back: it is erased with every copy that a notice took, a notice that is not sent yet is not sent, and the
/// audit record says so. `false`, and nothing is written, where the link has none.
pub fn forget_address(tx: &mut Tx<'_, '_>, id: &GrantId, actor: Actor, now: Instant) -> Result<bool> {
    let Some(grant) = sql::load(tx, id)? else { return Ok(false) };
    if !notice_address::forget(tx, id, now)? {
        return Ok(false);
    }
    let entry = Entry {
        client: Some(grant.client),
        grant: Some(id.clone()),
        account: Some(grant.account_index),
        ..Entry::new(now, actor, AuditAction::GrantAddressTakenBack)
    };
    audit::append(tx, &entry)?;
    Ok(true)
}
