//! The sweeper: a grant that expires gets its event, once.

use super::BATCH;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event::EventKind;
use crate::grant::{self, Reason};
use crate::id::{ClientId, GrantId};
use crate::notice_address;
use crate::store::{Error, Result, Tx};
use std::time::Duration;

/// What one sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Grants that expired.
    pub expired: u64,
    /// Grants for which `grant.expiring` was written.
    pub warned: u64,
    /// Grants at which a warning was due, whether or not they are in use.
    pub looked: u64,
}
impl Swept {
    /// Whether there may be more: a batch was full.
    #[must_use]
    pub const fn more(self, limit: i64) -> bool {
        self.expired.cast_signed() >= limit || self.looked.cast_signed() >= limit
    }
}

/// Ends grants whose time is over (`grant.expired`), and announces the end of others at each of the distances `warn_before`
/// (`grant.expiring`): at most `limit` of each, never more than [`BATCH`]. Of warnings that were missed, one is made up for.
pub fn expire(tx: &mut Tx<'_, '_>, now: Instant, warn_before: &[Duration], limit: i64) -> Result<Swept> {
    let limit = limit.clamp(1, BATCH);
    let mut swept = Swept::default();
    let due = tx.rows(
        "select id from grants where ended_at is null and expires_at <= ?1 order by expires_at limit ?2",
        &[now.into(), limit.into()],
    )?;
    for row in due {
        grant::end(tx, &id(row.text(0)?)?, &Reason::Expired, Actor::System, now)?;
        swept.expired += 1;
    }
    let soon = tx.rows(
        "select id, client_id, expires_at, state, reference from grants where warn_at is not null and warn_at <= ?1 \
         order by warn_at limit ?2",
        &[now.into(), limit.into()],
    )?;
    for row in soon {
        let grant = id(row.text(0)?)?;
        let until = row.instant(2)?;
        let next = grant::next_warning(now, until, warn_before);
        tx.execute("update grants set warn_at = ?2 where id = ?1", &[grant.as_str().into(), next.into()])?;
        swept.looked += 1;
        // Nobody has redeemed its code: there is no link to announce the end of.
        if row.text(3)? == "pending" {
            continue;
        }
        notice_address::expiring(tx, &grant, (until, row.text(4)?), now)?;
        let detail = serde_json::json!({"expires_at": until.secs()});
        grant::sql::emit_event(tx, &grant, EventKind::GrantExpiring, detail.clone(), now)?;
        let entry = Entry {
            client: ClientId::parse(row.text(1)?),
            grant: Some(grant),
            detail,
            ..Entry::new(now, Actor::System, AuditAction::Event(EventKind::GrantExpiring))
        };
        audit::append(tx, &entry)?;
        swept.warned += 1;
    }
    Ok(swept)
}

fn id(text: &str) -> Result<GrantId> {
    GrantId::parse(text).ok_or_else(|| Error::Corrupt { table: "grants", row: text.to_owned(), why: "id".to_owned() })
}
