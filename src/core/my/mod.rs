//! 連携サービスの確認・停止: what a customer sees of the links to their accounts after ① to ⑤, and how they stop them.
//!
//! Every function takes the [`Owner`] that the checks established, never an id from a form alone: a grant that shares none
//! of the owner's accounts does not exist here. A stop needs no core bank, so neither its closure nor its failure
//! prevents one. It makes no code and no token: an interaction for this page has no request.

mod history;
mod stop;
#[cfg(test)]
mod tests;

pub use history::{Change, ChangeKind};
pub use stop::{StopRequest, stop};

use crate::account::Account;
use crate::client::{self, Client};
use crate::clock::Instant;
use crate::consent::{self, AgreedWords, ConsentKey};
use crate::grant::{self, FURTHER_WINDOW, Grant, GrantState, pairwise};
use crate::id::{AccountId, GrantId};
use crate::identity::{FieldCrypto, Owner};
use crate::store::{Result, Tx};
use std::time::Duration;

/// How long an ended link is shown.
pub const HISTORY: Duration = Duration::from_hours(365 * 24);
/// The most links of one account that are read.
const MOST: i64 = 500;
/// How long after 許可する an app can still redeem a code.
const REDEEMABLE: Duration = FURTHER_WINDOW.saturating_add(Duration::from_secs(60));

/// One link, as its owner sees it.
#[derive(Debug, Clone)]
pub struct OwnGrant {
    /// The grant.
    pub grant: Grant,
    /// Its state at the time of the page.
    pub state: GrantState,
    /// The app; `None` if its record is gone.
    pub client: Option<Client>,
    /// The accounts it covers, by the core bank's ids, the verified one first.
    pub accounts: Vec<(AccountId, Account)>,
    /// Whether the first of them is the verified one: without it the link ends.
    pub verified_first: bool,
    /// How many more accounts it covers that the core bank does not list for this person.
    pub other_accounts: usize,
    /// When a resource server last asked about it, if that is known.
    pub last_use: Option<Instant>,
    /// The address for notices about it, masked; `None` where nobody wants them.
    pub notice_address: Option<String>,
    /// The version of the terms that were agreed to, if the record is still kept.
    pub terms: Option<String>,
    /// What happened to it, oldest first.
    pub history: Vec<Change>,
}

/// Every link with access to an account of the owner, newest first.
pub fn open(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, owner: &Owner, now: Instant) -> Result<Vec<OwnGrant>> {
    let mut links = Vec::new();
    for id in open_grants(tx, crypto, owner, now)? {
        let Some(grant) = grant::sql::load(tx, &id)? else { continue };
        if grant.is_live(now) && may_be_used(&grant, now) {
            links.push(own_link(tx, crypto, owner, grant, now)?);
        }
    }
    links.sort_by(|a, b| (b.grant.created_at, a.grant.id.as_str()).cmp(&(a.grant.created_at, b.grant.id.as_str())));
    Ok(links)
}

/// The owner's links that ended within [`HISTORY`], the latest first. Links of an earlier holder of the account are not
/// shown.
pub fn ended(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, owner: &Owner, now: Instant) -> Result<Vec<OwnGrant>> {
    let mut found: Vec<Grant> = Vec::new();
    for (_, account) in &owner.accounts {
        found.extend(grant::sql::ended_since(tx, &crypto.account(account), now - HISTORY, MOST)?);
    }
    // A link whose time is over has ended, even if the sweeper has not run yet.
    for id in open_grants(tx, crypto, owner, now)? {
        found.extend(grant::sql::load(tx, &id)?.filter(|grant| !grant.is_live(now)));
    }
    found.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    found.dedup_by(|a, b| a.id == b.id);
    let mut links = Vec::new();
    for grant in found.into_iter().filter(|grant| is_of(crypto, owner, grant)) {
        links.push(own_link(tx, crypto, owner, grant, now)?);
    }
    links.sort_by_key(|link| std::cmp::Reverse(link.state.ended_at()));
    Ok(links)
}

/// One link of the owner, open or ended, for its receipt.
pub fn one(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    owner: &Owner,
    id: &GrantId,
    now: Instant,
) -> Result<Option<OwnGrant>> {
    let Some(grant) = grant::sql::load(tx, id)? else { return Ok(None) };
    let live = grant.is_live(now);
    if !shares(tx, crypto, owner, id)? || !(live || is_of(crypto, owner, &grant)) {
        return Ok(None);
    }
    let link = own_link(tx, crypto, owner, grant, now)?;
    Ok(Some(link).filter(|link| link.state.ended_at().is_none_or(|at| at > now - HISTORY)))
}

/// What the customer read when they agreed to a link as it stands now; `None` where the record is gone or has no words.
pub fn agreed(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, link: &OwnGrant) -> Result<Option<AgreedWords>> {
    let key = ConsentKey::Id(link.grant.consent.clone());
    let record = consent::show::find(tx, &key, 1)?.into_iter().next();
    Ok(record.and_then(|record| record.masked_words(&crypto.sealer)))
}

/// The open grants that share an account of the owner, each once.
fn open_grants(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, owner: &Owner, now: Instant) -> Result<Vec<GrantId>> {
    let mut open: Vec<GrantId> = Vec::new();
    for (_, account) in &owner.accounts {
        for id in grant::sql::sharing(tx, &crypto.account(account), now, MOST)? {
            if !open.contains(&id) {
                open.push(id);
            }
        }
    }
    Ok(open)
}

/// Whether a grant shares an account that the core bank lists for the owner.
fn shares(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, owner: &Owner, id: &GrantId) -> Result<bool> {
    for (_, account) in &owner.accounts {
        if grant::sql::shares(tx, id, &crypto.account(account))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether it was this person who allowed the link.
fn is_of(crypto: &FieldCrypto, owner: &Owner, grant: &Grant) -> bool {
    grant.sub == pairwise(&crypto.sealer, grant.client.as_str(), &owner.holder)
}

/// An app that never redeemed its code has no access.
fn may_be_used(grant: &Grant, now: Instant) -> bool {
    match grant.state {
        GrantState::Pending => now < grant.created_at + REDEEMABLE,
        _ => true,
    }
}

fn own_link(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, owner: &Owner, grant: Grant, now: Instant) -> Result<OwnGrant> {
    let own = grant.details.accounts.iter().filter_map(|id| Some((id.clone(), owner.account_of(id)?.clone())));
    let mut accounts: Vec<(AccountId, Account)> = own.collect();
    let other_accounts = grant.details.accounts.len() - accounts.len();
    let is_verified = |account: &Account| crypto.account(account) == grant.account_index;
    accounts.sort_by_key(|(_, account)| !is_verified(account));
    let verified_first = accounts.first().is_some_and(|(_, account)| is_verified(account));
    Ok(OwnGrant {
        state: grant.state_at(now),
        client: client::sql::load(tx, &grant.client)?,
        accounts,
        verified_first,
        other_accounts,
        last_use: grant::uses::last_use(tx, &grant.id)?.map(|used| used.at),
        notice_address: grant::masked_address(tx, &grant.id, &crypto.sealer)?,
        terms: consent::sql::terms_of(tx, &grant.consent)?,
        history: history::of(tx, &grant, now)?,
        grant,
    })
}
