//! The authorization code: valid for 60 seconds, once, for one client (RFC 6749 §4.1.2; FAPI 2.0 Security Profile
//! §5.3.2.1). A grant may have several codes ([`super::further`]); only the first to be redeemed is accepted.

use super::change::{self, ChangeAction, GrantChange};
use super::row::{columns, from_row};
use super::{Grant, GrantState, Reason, sql};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::authorize::{AuthorizationRequest, Details};
use crate::clock::Instant;
use crate::id::{ClientId, ConsentId, GrantId};
use crate::notice_address;
use crate::oxide::Challenge;
use crate::refusal::LinkEnd;
use crate::secret::Hash;
use crate::store::{Error, Result, Row, Tx};
use crate::thumbprint::Thumbprint;
use std::time::Duration;

/// The lifetime of a code.
pub const LIFETIME: Duration = Duration::from_secs(60);

/// What a code is bound to: the token request must match all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBinding {
    /// The redirect_uri, compared character by character.
    pub redirect_uri: String,
    /// The PKCE challenge, always S256 (RFC 7636 §4.3).
    pub challenge: Option<Challenge>,
    /// Thumbprint of the DPoP key the code is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<Thumbprint>,
    /// The id_token's nonce (OpenID Connect Core §3.1.2.1).
    pub nonce: Option<String>,
    /// The requested resources (RFC 8707 §2.1).
    pub resource: Vec<String>,
}
impl CodeBinding {
    /// The binding of the code for `request`.
    #[must_use]
    pub fn of(request: &AuthorizationRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.code_challenge.clone(),
            dpop_jkt: request.dpop_jkt,
            nonce: request.nonce.clone(),
            resource: request.resource.clone(),
        }
    }
}

/// A stored code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// SHA-256 of the code.
    pub hash: Hash,
    /// The grant it belongs to.
    pub grant: GrantId,
    /// The change of the grant that its redemption applies ([`super::change`]); `None` for a code of the grant itself.
    pub change: Option<ConsentId>,
    /// The client it was issued to.
    pub client: ClientId,
    /// What it is bound to.
    pub binding: CodeBinding,
    /// When it was made.
    pub issued_at: Instant,
    /// When it expires.
    pub expires_at: Instant,
    /// When it was redeemed.
    pub used_at: Option<Instant>,
}

impl AuthorizationCode {
    /// A new code of `grant`, or of a change of it, for the client that holds the grant. It lives for [`LIFETIME`].
    #[must_use]
    pub(super) fn new(
        hash: Hash,
        grant: &Grant,
        change: Option<ConsentId>,
        binding: CodeBinding,
        issued_at: Instant,
    ) -> Self {
        Self {
            hash,
            grant: grant.id.clone(),
            change,
            client: grant.client.clone(),
            binding,
            issued_at,
            expires_at: issued_at + LIFETIME,
            used_at: None,
        }
    }

    /// Shortens its lifetime; it is never longer than [`LIFETIME`].
    #[must_use]
    pub(super) fn living(mut self, lifetime: Duration) -> Self {
        self.expires_at = self.issued_at + lifetime.min(LIFETIME);
        self
    }
}

/// The result of presenting a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed<T, R> {
    /// It was accepted: the grant is active, an older one of the same client and account was replaced.
    Done {
        /// The grant, active.
        grant: Box<Grant>,
        /// The code it came from.
        code: Box<AuthorizationCode>,
        /// The change it applied: how, and what the grant covered before.
        changed: Option<(ChangeAction, Box<Details>)>,
        /// The result of the check.
        checked: T,
    },
    /// It had been redeemed before: the grant was revoked; the response is `invalid_grant`.
    Replayed,
    /// It is unknown, another client's or expired, or another code of the grant was redeemed: `invalid_grant`, and nothing was
    /// written.
    Unfit,
    /// It is this client's, and its grant has ended: `invalid_grant`, and nothing was written.
    Over(LinkEnd),
    /// The check refused it. The code can still be used: a wrong verifier or key must not cost the customer the link.
    Refused(R),
}

/// Redeems a code for a client that has just authenticated. `most` open grants may one app have for one account.
///
/// The order matters. Another client's code is treated as unknown and is not used up, so that a client cannot burn or revoke
/// what is not theirs; a code that was used before revokes the grant whatever else came with it; only then `check`
/// (redirect_uri, PKCE, DPoP) is asked. The update is the single-use gate: of many at once one changes the row.
pub fn redeem<T, R>(
    tx: &mut Tx<'_, '_>,
    hash: &Hash,
    (client, most): (&ClientId, usize),
    now: Instant,
    check: impl FnOnce(&AuthorizationCode, &Grant) -> std::result::Result<T, R>,
) -> Result<Redeemed<T, R>> {
    let sql = concat!(
        "select c.grant_id, c.client_id, c.redirect_uri, c.challenge, c.jkt, c.nonce, c.resource, \
         c.issued_at, c.expires_at, c.used_at, c.undone_at, c.change_id, ",
        columns!(),
        " from codes c join grants g on g.id = c.grant_id where c.hash = ?1"
    );
    let Some(row) = tx.row(sql, &[(*hash).into()])? else {
        return Ok(Redeemed::Unfit);
    };
    let (code, grant, undone) = (code(*hash, &row)?, from_row(&row, 12)?, row.opt_instant(10)?.is_some());
    if code.client != *client {
        return Ok(Redeemed::Unfit);
    }
    if let Some(end) = grant.state_at(now).link_end() {
        return Ok(Redeemed::Over(end));
    }
    // A redemption that was undone does not count.
    if code.used_at.is_some() && !undone {
        return replayed(tx, hash, &grant, client, now);
    }
    let change = match &code.change {
        None => None,
        Some(id) => match change::load(tx, id)? {
            Some(change) => Some(change),
            None => return Ok(Redeemed::Unfit),
        },
    };
    let begun = change.as_ref().map_or(grant.state != GrantState::Pending, |change| change.applied_at.is_some());
    // Another code of the same consent was redeemed: nothing was stolen, so the grant stays.
    let another_was_redeemed = begun && was_redeemed(tx, &code)?;
    if another_was_redeemed || now >= code.expires_at {
        return Ok(Redeemed::Unfit);
    }
    // Applied already if an earlier redemption was undone.
    let pending = change.filter(|change| change.applied_at.is_none());
    let after = match &pending {
        None => grant.clone(),
        Some(change) => match change.applied_to(&grant, now) {
            Some(after) => after,
            None => return Ok(Redeemed::Unfit),
        },
    };
    let checked = match check(&code, &after) {
        Ok(checked) => checked,
        Err(refusal) => return Ok(Redeemed::Refused(refusal)),
    };
    let burnt = tx.execute(
        "update codes set used_at = ?2, undone_at = null where hash = ?1 and (used_at is null or undone_at is not null)",
        &[(*hash).into(), now.into()],
    )?;
    if burnt == 0 {
        return replayed(tx, hash, &grant, client, now);
    }
    let (grant, changed) = begin(tx, (grant, after), pending.as_ref(), most, now)?;
    Ok(Redeemed::Done {
        grant: Box::new(grant),
        code: Box::new(AuthorizationCode { used_at: Some(now), ..code }),
        changed,
        checked,
    })
}

type AppliedChange = Option<(ChangeAction, Box<Details>)>;

/// What the first redemption does: the change is applied, or a pending grant becomes active. The grant can be active here
/// without a change only if an earlier redemption was undone.
fn begin(
    tx: &mut Tx<'_, '_>,
    (before, after): (Grant, Grant),
    change: Option<&GrantChange>,
    most: usize,
    now: Instant,
) -> Result<(Grant, AppliedChange)> {
    if let Some(change) = change {
        change::apply(tx, change, (&before, &after), now)?;
        return Ok((after, Some((change.action, Box::new(before.details)))));
    }
    let grant = if before.state == GrantState::Pending { activate(tx, before, most, now)? } else { before };
    Ok((grant, None))
}

/// Whether a code of the same consent was redeemed. A redemption that was undone does not count.
fn was_redeemed(tx: &mut Tx<'_, '_>, code: &AuthorizationCode) -> Result<bool> {
    let sql = "select hash from codes where grant_id = ?1 and coalesce(change_id, '') = ?2 and used_at is not null \
               and undone_at is null limit 1";
    let change = code.change.as_ref().map_or("", |change| change.as_str());
    let Some(row) = tx.row(sql, &[code.grant.as_str().into(), change.into()])? else { return Ok(false) };
    // The redemption may still be undone.
    tx.none_in_doubt(&row.hash(0)?)?;
    Ok(true)
}

fn replayed<T, R>(
    tx: &mut Tx<'_, '_>,
    hash: &Hash,
    grant: &Grant,
    client: &ClientId,
    now: Instant,
) -> Result<Redeemed<T, R>> {
    // The first redemption may still be undone.
    tx.none_in_doubt(hash)?;
    sql::end(tx, &grant.id, &Reason::Replay, Actor::Client(client.clone()), now)?;
    Ok(Redeemed::Replayed)
}

/// Undoes a redemption whose response nobody received: the code can be redeemed once more. The grant stays active,
/// because the grant that it replaced has ended.
pub fn undo(tx: &mut Tx<'_, '_>, hash: &Hash, grant: &Grant, now: Instant) -> Result<()> {
    let undone = tx.execute(
        "update codes set undone_at = ?2 where hash = ?1 and used_at is not null and undone_at is null",
        &[(*hash).into(), now.into()],
    )?;
    if undone == 0 {
        return Ok(());
    }
    let entry = Entry {
        client: Some(grant.client.clone()),
        grant: Some(grant.id.clone()),
        account: Some(grant.account_index),
        ..Entry::new(now, Actor::System, AuditAction::GrantCodeUndone)
    };
    audit::append(tx, &entry)
}

/// Pending becomes active, and older grants of the client for this account end where it takes their place. This happens now and
/// not at consent: a lost redirect must not end a working link (decision 8).
fn activate(tx: &mut Tx<'_, '_>, grant: Grant, most: usize, now: Instant) -> Result<Grant> {
    let corrupt = || Error::Corrupt {
        table: "grants",
        row: grant.id.to_string(),
        why: "an unused code of a grant in use".into(),
    };
    let state = grant.state.clone().activate(now).map_err(|_| corrupt())?;
    tx.execute(
        "update grants set state = ?2, activated_at = ?3 where id = ?1",
        &[grant.id.as_str().into(), state.as_str().into(), now.into()],
    )?;
    let entry = Entry {
        client: Some(grant.client.clone()),
        grant: Some(grant.id.clone()),
        account: Some(grant.account_index),
        ..Entry::new(now, Actor::Client(grant.client.clone()), AuditAction::GrantActivated)
    };
    audit::append(tx, &entry)?;
    let (mut taken_over, mut too_many) = (Vec::new(), Vec::new());
    for id in sql::replaced_by(tx, &grant, most)? {
        if sql::takes_over(tx, &grant.id, &id)? { taken_over.push(id) } else { too_many.push(id) }
    }
    let reason = Reason::Replaced { by: grant.id.clone() };
    for id in &too_many {
        sql::end(tx, id, &reason, Actor::Client(grant.client.clone()), now)?;
    }
    notice_address::new_link(tx, &grant.id, &taken_over, grant.created_at, now)?;
    for id in &taken_over {
        notice_address::hand_over(tx, id, &grant.id)?;
        sql::end(tx, id, &reason, Actor::Client(grant.client.clone()), now)?;
    }
    Ok(Grant { state, ..grant })
}

fn code(hash: Hash, row: &Row) -> Result<AuthorizationCode> {
    let corrupt = |why: &str| Error::Corrupt {
        table: "codes",
        row: hash.base64url(),
        why: format!("{why} is not what was written"),
    };
    let opt = |i: usize| Ok::<_, Error>(row.opt_text(i)?.map(str::to_owned));
    let challenge = row.opt_text(3)?.map(|c| Challenge::parse(c).ok_or_else(|| corrupt("challenge")));
    let jkt = row.opt_text(4)?.map(|jkt| Thumbprint::parse(jkt).ok_or_else(|| corrupt("jkt")));
    Ok(AuthorizationCode {
        hash,
        grant: GrantId::parse(row.text(0)?).ok_or_else(|| corrupt("grant_id"))?,
        change: row.opt_text(11)?.map(|c| ConsentId::parse(c).ok_or_else(|| corrupt("change_id"))).transpose()?,
        client: ClientId::parse(row.text(1)?).ok_or_else(|| corrupt("client_id"))?,
        binding: CodeBinding {
            redirect_uri: row.text(2)?.to_owned(),
            challenge: challenge.transpose()?,
            dpop_jkt: jkt.transpose()?,
            nonce: opt(5)?,
            resource: row.text(6)?.split(' ').filter(|r| !r.is_empty()).map(str::to_owned).collect(),
        },
        issued_at: row.instant(7)?,
        expires_at: row.instant(8)?,
        used_at: row.opt_instant(9)?,
    })
}

/// The grant has ended: its codes go, except those whose time is not over. They open nothing, and tell their client why the grant
/// ended. They count as unused, so that housekeeping deletes them.
pub(super) fn end_with_grant(tx: &mut Tx<'_, '_>, grant: &GrantId, now: Instant) -> Result<()> {
    let params = [grant.as_str().into(), now.into()];
    tx.execute("delete from codes where grant_id = ?1 and expires_at <= ?2", &params)?;
    tx.execute("update codes set used_at = null, undone_at = null where grant_id = ?1", &params[..1])?;
    Ok(())
}

/// Housekeeping: codes that were not redeemed are deleted a day after they ended. Used ones go when their grant ends. Returns how
/// many went.
pub fn prune(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from codes where hash in (select hash from codes where used_at is null and expires_at < ?1 \
         order by expires_at limit ?2)",
        &[(now - Duration::from_hours(24)).into(), limit.into()],
    )
}

/// Forgets codes that were never used: a restored backup must not bring one back to life. Returns how many went. One whose
/// redemption was taken back counts as used again.
pub fn drop_unused(tx: &mut Tx<'_, '_>, limit: i64) -> Result<u64> {
    let again = "update codes set undone_at = null where hash in \
                 (select hash from codes where undone_at is not null limit ?1)";
    tx.execute(again, &[limit.into()])?;
    tx.execute(
        "delete from codes where hash in (select hash from codes where used_at is null limit ?1)",
        &[limit.into()],
    )
}
