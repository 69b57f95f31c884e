//! A link loses one account and lives on: the customer stops it, staff stop it on the telephone, or the core bank reports that
//! it moved or closed. If it is the account the customer was verified by, or the only one, the link ends.

use super::{Ended, Grant, Reason, sql};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::authorize::Details;
use crate::clock::Instant;
use crate::event::EventKind;
use crate::id::{AccountId, GrantId};
use crate::identity::proofing_session;
use crate::secret::Hash;
use crate::store::{Error, Result, Tx};
use serde_json::json;

/// The result of taking an account out of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Narrowed {
    /// The link lives on without the account.
    Now(Box<Grant>),
    /// The link ended: it was verified by this account, or shared no other.
    Ended(Box<Grant>),
    /// Nothing was written: the link does not share the account.
    NotShared,
    /// Nothing was written: the link has ended before, or there is none.
    Over,
}

/// What remains of `details` without `account`; `None` if nothing does.
fn without(details: &Details, account: &AccountId) -> Option<Details> {
    let accounts: Vec<AccountId> = details.accounts.iter().filter(|id| *id != account).cloned().collect();
    (!accounts.is_empty()).then(|| Details { accounts, ..details.clone() })
}

/// Takes the account with this keyed index out of a link: new details, audit record and event in one. Tokens issued before
/// reach no further than the link from then on.
pub fn narrow(
    tx: &mut Tx<'_, '_>,
    id: &GrantId,
    account: &Hash,
    (reason, actor): (&Reason, Actor),
    now: Instant,
) -> Result<Narrowed> {
    let Some(grant) = sql::load(tx, id)?.filter(|grant| grant.is_live(now)) else { return Ok(Narrowed::Over) };
    let end = |tx: &mut Tx<'_, '_>, actor: Actor| {
        Ok(match sql::end(tx, id, reason, actor, now)? {
            Ended::Now(grant) => Narrowed::Ended(grant),
            Ended::Before(_) | Ended::Unknown => Narrowed::Over,
        })
    };
    if grant.account_index == *account {
        return end(tx, actor);
    }
    let shared = "select account_id from grant_accounts where grant_id = ?1 and account_index = ?2";
    let Some(row) = tx.row(shared, &[id.as_str().into(), (*account).into()])? else { return Ok(Narrowed::NotShared) };
    // An earlier release did not store which of the accounts it is.
    let Some(account_id) = row.opt_text(0)?.and_then(AccountId::parse) else { return end(tx, actor) };
    let Some(details) = without(&grant.details, &account_id) else { return end(tx, actor) };
    let text = serde_json::to_string(&details).map_err(|e| Error::Engine(format!("details: {e}")))?;
    tx.execute(
        "update grants set details = ?2, updated_at = ?3, updated_by = 'authorization_server' where id = ?1",
        &[id.as_str().into(), text.into(), now.into()],
    )?;
    tx.execute(
        "delete from grant_accounts where grant_id = ?1 and account_index = ?2",
        &[id.as_str().into(), (*account).into()],
    )?;
    proofing_session::forget_account(tx, &grant.account_index, Some(&grant.client))?;
    sql::end_unredeemed(tx, &grant, reason, &actor, now)?;
    let grant = Grant { details, ..grant };
    updated(tx, &grant, (reason.as_str(), actor, Some(*account)), now)?;
    Ok(Narrowed::Now(Box::new(Grant { seq: grant.seq + 1, ..grant })))
}

/// The event `grant.updated` with what the link covers now, and the audit record. `account` is the one that it lost.
pub(super) fn updated(
    tx: &mut Tx<'_, '_>,
    grant: &Grant,
    (by, actor, account): (&str, Actor, Option<Hash>),
    now: Instant,
) -> Result<()> {
    let mut detail = json!({"by": by, "scope": grant.scope});
    if let Some(details) = grant.details.to_response() {
        detail["authorization_details"] = details;
    }
    sql::emit_event(tx, &grant.id, EventKind::GrantUpdated, detail.clone(), now)?;
    let entry = Entry {
        client: Some(grant.client.clone()),
        grant: Some(grant.id.clone()),
        account: Some(account.unwrap_or(grant.account_index)),
        detail,
        ..Entry::new(now, actor, AuditAction::Event(EventKind::GrantUpdated))
    };
    audit::append(tx, &entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_without_its_last_account_is_no_link() {
        let id = |text: &str| AccountId::parse(text).unwrap();
        let of =
            |accounts: &[&str]| Details { accounts: accounts.iter().map(|a| id(a)).collect(), ..Details::default() };
        assert_eq!(without(&of(&["a", "b", "c"]), &id("b")), Some(of(&["a", "c"])));
        assert_eq!(without(&of(&["a", "b"]), &id("x")), Some(of(&["a", "b"])));
        assert_eq!(without(&of(&["a"]), &id("a")), None);
        assert_eq!(without(&of(&[]), &id("a")), None);
    }
}
