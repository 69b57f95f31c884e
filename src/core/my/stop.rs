//! 停止（連携の解除） by the customer: one link or all of them, in one transaction with the step token of the page.

use super::{is_of, open_grants, shares};
use crate::account::Account;
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
    let page = OwnPage { identity, interaction: &i, owner, now };
    let done = match what {
        StopRequest::One(id) => page.one(tx, id)?,
        StopRequest::Account(id, account) => page.account(tx, id, account)?,
        StopRequest::Notices(id) => page.notices(tx, id)?,
        StopRequest::All => Some(page.all(tx)?),
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

/// The page of an owner whose step token was accepted.
struct OwnPage<'a> {
    identity: &'a IdentityService,
    interaction: &'a Interaction,
    owner: &'a Owner,
    now: Instant,
}

impl OwnPage<'_> {
    fn one(&self, tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<Option<Stopped>> {
        let crypto = self.identity.crypto();
        if !shares(tx, crypto, self.owner, id)? {
            return Ok(None);
        }
        Ok(match self.end(tx, id)? {
            Ended::Now(_) => Some(Stopped::One(id.clone())),
            Ended::Before(grant) => Some(Stopped::Before(id.clone())).filter(|_| is_of(crypto, self.owner, &grant)),
            Ended::Unknown => None,
        })
    }

    /// Takes one of the owner's accounts out of a link. Without the verified account, or the last one, the link ends.
    fn account(&self, tx: &mut Tx<'_, '_>, id: &GrantId, account: &AccountId) -> Result<Option<Stopped>> {
        let Some(account) = self.owner.account_of(account) else { return Ok(None) };
        let index = self.identity.crypto().account(account);
        let done = match grant::narrow(tx, id, &index, (&Reason::Customer, Actor::Customer), self.now)? {
            Narrowed::Now(_) => Stopped::Account(id.clone()),
            Narrowed::Ended(_) => Stopped::One(id.clone()),
            Narrowed::NotShared | Narrowed::Over => return Ok(None),
        };
        self.record(tx, id, account)?;
        Ok(Some(done))
    }

    /// Takes back the address for notices about a link. The link goes on.
    fn notices(&self, tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<Option<Stopped>> {
        if !shares(tx, self.identity.crypto(), self.owner, id)? {
            return Ok(None);
        }
        Ok(grant::forget_address(tx, id, Actor::Customer, self.now)?.then(|| Stopped::Notices(id.clone())))
    }

    fn all(&self, tx: &mut Tx<'_, '_>) -> Result<Stopped> {
        let mut stopped = 0;
        for id in open_grants(tx, self.identity.crypto(), self.owner, self.now)? {
            stopped += u32::from(matches!(self.end(tx, &id)?, Ended::Now(_)));
        }
        Ok(Stopped::All(stopped))
    }

    fn end(&self, tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<Ended> {
        let ended = grant::end(tx, id, &Reason::Customer, Actor::Customer, self.now)?;
        if let Ended::Now(_) = ended {
            self.record(tx, id, &self.owner.account)?;
        }
        Ok(ended)
    }

    fn record(&self, tx: &mut Tx<'_, '_>, id: &GrantId, account: &Account) -> Result<()> {
        let index = Some(self.identity.crypto().account(account));
        let detail = json!({ "grant": id });
        sql::record(tx, self.interaction, AuditAction::InteractionLinkStopped, index, detail, self.now)
    }
}
