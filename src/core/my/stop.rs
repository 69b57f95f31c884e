//! 停止（連携の解除） by the customer: one link or all of them, in one transaction with the step token of the page.

use super::{is_of, open_grants, shares};
use crate::audit::{Actor, AuditAction};
use crate::clock::Instant;
use crate::grant::{self, Ended, Narrowed, Reason};
use crate::id::{AccountId, GrantId};
use crate::identity::{
    IdentityService, Interaction, Owner, Stage, StepCheck, Stopped, ViewResult, Visitor, proofing_session, sql,
};
use crate::store::{Result, Tx};
use serde_json::json;

/// What the customer stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopRequest {
    /// One link.
    One(GrantId),
    /// One account of a link, by the core bank's id.
    Account(GrantId, AccountId),
    /// The mails about a link: its address is erased.
    Notices(GrantId),
    /// Every link.
    All,
}

/// Stops links for the browser that stands on the customer's own page, and returns the next screen. A stale page, another
/// browser and a grant that is not the owner's change nothing.
pub fn stop(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    visitor: &Visitor,
    step: &str,
    what: &StopRequest,
    now: Instant,
) -> Result<ViewResult> {
    let i = match identity.take(tx, visitor, step, now)? {
        StepCheck::NotOwner => return Ok(ViewResult::Foreign),
        StepCheck::Stale(i) => return identity.view(tx, i, now),
        StepCheck::Accepted(i) => i,
    };
    let Stage::Links(owner) = &i.stage else { return identity.view(tx, i, now) };
    let done = match what {
        StopRequest::One(id) => one(identity, tx, &i, owner, id, now)?,
        StopRequest::Account(id, account) => narrowed(identity, tx, &i, owner, (id, account), now)?,
        StopRequest::Notices(id) => no_mail(identity, tx, owner, id, now)?,
        StopRequest::All => Some(all(identity, tx, &i, owner, now)?),
    };
    // What this browser remembers of earlier checks is forgotten with every stop.
    if let Some(cookie) = &visitor.proofing_cookie {
        proofing_session::replace(tx, cookie)?;
    }
    let owner = Owner { done, ..(**owner).clone() };
    let i = Interaction { stage: Stage::Links(Box::new(owner)), ..i };
    sql::save(tx, identity.crypto(), &i)?;
    identity.view(tx, i, now)
}

fn one(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    owner: &Owner,
    id: &GrantId,
    now: Instant,
) -> Result<Option<Stopped>> {
    if !shares(tx, identity.crypto(), owner, id)? {
        return Ok(None);
    }
    Ok(match end(identity, tx, i, owner, id, now)? {
        Ended::Now(_) => Some(Stopped::One(id.clone())),
        Ended::Before(grant) => Some(Stopped::Before(id.clone())).filter(|_| is_of(identity.crypto(), owner, &grant)),
        Ended::Unknown => None,
    })
}

/// Takes one of the owner's accounts out of a link. Without the verified account, or the last one, the link ends.
fn narrowed(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    owner: &Owner,
    (id, account): (&GrantId, &AccountId),
    now: Instant,
) -> Result<Option<Stopped>> {
    let Some(account) = owner.account_of(account) else { return Ok(None) };
    let index = identity.crypto().account(account);
    let done = match grant::narrow(tx, id, &index, (&Reason::Customer, Actor::Customer), now)? {
        Narrowed::Now(_) => Stopped::Account(id.clone()),
        Narrowed::Ended(_) => Stopped::One(id.clone()),
        Narrowed::NotShared | Narrowed::Over => return Ok(None),
    };
    sql::record(tx, i, AuditAction::InteractionLinkStopped, Some(index), json!({ "grant": id }), now)?;
    Ok(Some(done))
}

/// Takes back the address for notices about a link. The link goes on.
fn no_mail(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    owner: &Owner,
    id: &GrantId,
    now: Instant,
) -> Result<Option<Stopped>> {
    if !shares(tx, identity.crypto(), owner, id)? {
        return Ok(None);
    }
    Ok(grant::forget_address(tx, id, Actor::Customer, now)?.then(|| Stopped::Notices(id.clone())))
}

fn all(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    owner: &Owner,
    now: Instant,
) -> Result<Stopped> {
    let mut stopped = 0;
    for id in open_grants(tx, identity.crypto(), owner, now)? {
        stopped += u32::from(matches!(end(identity, tx, i, owner, &id, now)?, Ended::Now(_)));
    }
    Ok(Stopped::All(stopped))
}

fn end(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    owner: &Owner,
    id: &GrantId,
    now: Instant,
) -> Result<Ended> {
    let ended = grant::end(tx, id, &Reason::Customer, Actor::Customer, now)?;
    if let Ended::Now(_) = ended {
        let index = identity.crypto().account(&owner.account);
        sql::record(tx, i, AuditAction::InteractionLinkStopped, Some(index), json!({ "grant": id }), now)?;
    }
    Ok(ended)
}
