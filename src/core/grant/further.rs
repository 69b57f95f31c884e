//! A further code of a grant, if the response to the app may have been lost: a phone loses its connection during the
//! call, or a customer presses twice. It belongs to the same grant, and only one of its codes can be redeemed.

use super::code::{AuthorizationCode, CodeBinding};
use super::create::insert_code;
use super::{GrantState, change, sql};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::id::{GrantId, InteractionId};
use crate::secret::Hash;
use crate::store::{Result, Tx};
use std::time::Duration;

/// How long after 許可する a further code may be given (decision 8). During this time a grant without a valid code may
/// still become active.
pub const WINDOW: Duration = Duration::from_secs(300);
/// The most codes of one grant.
pub(super) const MOST: i64 = 5;

/// The result of asking for a further code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Further {
    /// It was written.
    Issued,
    /// There is none: a code of the grant was already redeemed.
    Redeemed,
    /// There is none: the grant has ended, five minutes have passed, or there were five codes.
    Over,
}

/// What a grant allows, before its codes are counted.
fn allowed(state: &GrantState, created_at: Instant, now: Instant) -> Further {
    match state {
        GrantState::Pending if now < created_at + WINDOW => Further::Issued,
        GrantState::Active { .. } => Further::Redeemed,
        _ => Further::Over,
    }
}

/// Writes a further code, bound as the first one is and living as long, for the browser that pressed 許可する.
pub fn further(
    tx: &mut Tx<'_, '_>,
    (id, interaction): (&GrantId, &InteractionId),
    hash: Hash,
    binding: &CodeBinding,
    lifetime: Duration,
    now: Instant,
) -> Result<Further> {
    let Some(grant) = sql::load(tx, id)? else { return Ok(Further::Over) };
    let change = change::of_interaction(tx, id, interaction)?;
    let allowed = match &change {
        None => allowed(&grant.state_at(now), grant.created_at, now),
        Some(change) if change.applied_at.is_some() => Further::Redeemed,
        Some(change) if grant.is_live(now) && now < change.created_at + WINDOW => Further::Issued,
        Some(_) => Further::Over,
    };
    match allowed {
        Further::Issued => {}
        // If the grant was active and has ended since, the app received its code nevertheless.
        Further::Over if change.is_none() && has_begun(tx, id)? => return Ok(Further::Redeemed),
        over => return Ok(over),
    }
    let change = change.map(|change| change.consent);
    let codes = tx.row(
        "select count(*) from codes where grant_id = ?1 and coalesce(change_id, '') = ?2",
        &[id.as_str().into(), change.as_ref().map_or("", |change| change.as_str()).into()],
    )?;
    if codes.map_or(Ok(0), |row| row.int(0))? >= MOST {
        return Ok(Further::Over);
    }
    let code = AuthorizationCode::new(hash, &grant, change, binding.clone(), now).living(lifetime);
    insert_code(tx, &code)?;
    let entry = Entry {
        client: Some(grant.client.clone()),
        grant: Some(grant.id.clone()),
        account: Some(grant.account_index),
        ..Entry::new(now, Actor::Customer, AuditAction::GrantCodeFurther)
    };
    audit::append(tx, &entry)?;
    Ok(Further::Issued)
}

/// Whether the grant was ever active. The state of an ended grant does not show it, and its codes are deleted.
fn has_begun(tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<bool> {
    let sql = "select 1 from grants where id = ?1 and activated_at is not null";
    Ok(tx.row(sql, &[id.as_str().into()])?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::By;

    /// Every state before, at and after the five minutes.
    #[test]
    fn only_a_pending_grant_gets_further_codes_and_only_for_five_minutes() {
        let at = Instant::from_secs(1_000_000);
        let other = GrantId::parse("another-grant-of-the-same").unwrap();
        let cases = [
            (GrantState::Pending, 0, Further::Issued),
            (GrantState::Pending, 299_999, Further::Issued),
            (GrantState::Pending, 300_000, Further::Over),
            (GrantState::Active { since: at }, 1, Further::Redeemed),
            (GrantState::Active { since: at }, 400_000, Further::Redeemed),
            (GrantState::Revoked { at, by: By::Institution }, 1, Further::Over),
            (GrantState::Replaced { at, by: other }, 1, Further::Over),
            (GrantState::Expired { at }, 1, Further::Over),
        ];
        for (state, millis, want) in cases {
            assert_eq!(allowed(&state, at, at + Duration::from_millis(millis)), want, "{state:?} after {millis} ms");
        }
    }
}
