//! The tables `access_tokens` and `refresh_tokens`; the event and the audit record of an issued or revoked token.

use super::TokenBinding;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::authorize::Details;
use crate::client::Client;
use crate::clock::Instant;
use crate::event::{self, Event, EventKind, event_id};
use crate::fact::{Fact, FactKind};
use crate::grant::row::{columns, from_row};
use crate::grant::{self, Grant};
use crate::id::{ClientId, GrantId, TokenId};
use crate::refusal::LinkEnd;
use crate::scope::Scope;
use crate::secret::Hash;
use crate::store::{Error, Result, Tx};
use std::borrow::Cow;
use std::time::Duration;

/// A stored access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// SHA-256 of the token.
    pub hash: Hash,
    /// `jti`: its public id.
    pub id: TokenId,
    /// The grant it belongs to; none when it is the client's own (RFC 6749 §4.4).
    pub grant: Option<GrantId>,
    /// Its client.
    pub client: ClientId,
    /// Its scope.
    pub scope: Scope,
    /// Its audiences.
    pub aud: Vec<String>,
    /// The part of the grant's details it covers, if that is not all (RFC 9396 §6).
    pub details: Option<Details>,
    /// What it is bound to.
    pub binding: Option<TokenBinding>,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it expires.
    pub expires_at: Instant,
    /// When it alone was revoked, without its grant.
    pub revoked_at: Option<Instant>,
}

/// An access token with everything its validity depends on, read in one indexed query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The token.
    pub token: Access,
    /// Its grant; `None` for the client's own token.
    pub grant: Option<Grant>,
    /// Whether its client is active.
    pub client_active: bool,
}
impl Found {
    /// Whether the token is valid at `now`: nothing has ended, and the link still covers a part of what the token is for.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        !self.has_ended(now) && self.reach().is_some()
    }
    /// Whether the token, its grant or its client has ended at `now`.
    #[must_use]
    pub fn has_ended(&self, now: Instant) -> bool {
        let grant = self.grant.as_ref().is_none_or(|g| g.is_live(now));
        !(grant && self.client_active && self.token.revoked_at.is_none() && now < self.token.expires_at)
    }

    /// What the token is for: the intersection of what it was issued for and what its grant covers now. `None` if that is
    /// nothing. A link that lost an account narrows every token; one that was widened widens none that was issued before
    /// (`grant::change` writes into them what they covered).
    #[must_use]
    pub fn reach(&self) -> Option<Reach<'_>> {
        let Some(grant) = &self.grant else {
            return Some(Reach { scope: Cow::Borrowed(&self.token.scope), details: None });
        };
        let details = match &self.token.details {
            None => Cow::Borrowed(&grant.details),
            Some(own) if own.permissions.is_empty() || *own == grant.details => Cow::Borrowed(own),
            Some(own) => Cow::Owned(own.intersection(&grant.details)?),
        };
        let covered = |token: &str| grant.scope.has(token) && details.lets(token);
        let scope = if self.token.scope.iter().all(covered) {
            Cow::Borrowed(&self.token.scope)
        } else {
            Cow::Owned(self.token.scope.only(covered))
        };
        (!scope.is_empty()).then_some(Reach { scope, details: Some(details) })
    }
}

/// What a token is for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach<'a> {
    /// The scope.
    pub scope: Cow<'a, Scope>,
    /// The accounts and limits; `None` for the client's own token.
    pub details: Option<Cow<'a, Details>>,
}

/// A stored refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// `jti`: its public id.
    pub id: TokenId,
    /// Its grant.
    pub client: ClientId,
    /// The full granted scope; a narrowed access token does not narrow the next one.
    pub scope: Scope,
    /// All granted audiences.
    pub aud: Vec<String>,
    /// When it was issued; it expires with its grant.
    pub issued_at: Instant,
    /// When it alone was revoked, without its grant.
    pub revoked_at: Option<Instant>,
    /// Whether a change of its grant revoked it, and gave its client a newer one.
    pub replaced: bool,
}
impl Refresh {
    /// Why its client cannot use it any more, if its grant has ended or a newer one took its place.
    #[must_use]
    pub fn link_end(&self, grant: &Grant, now: Instant) -> Option<LinkEnd> {
        grant.state_at(now).link_end().or(self.replaced.then_some(LinkEnd::Replaced))
    }
    /// Whether `client`, its owner, can use it at `now`. A client that may no longer have refresh tokens cannot, and
    /// a grant that has ended makes it invalid.
    #[must_use]
    pub fn is_live(&self, client: &Client, grant: &Grant, now: Instant) -> bool {
        self.revoked_at.is_none() && client.refresh_tokens && grant.is_live(now)
    }
}

pub(super) fn insert_access(tx: &mut Tx<'_, '_>, t: &Access) -> Result<()> {
    let details = t.details.as_ref().map(serde_json::to_string).transpose();
    let details = details.map_err(|e| Error::Engine(format!("details: {e}")))?;
    tx.note(Fact::of(FactKind::TokenIssued, if t.grant.is_some() { "customer" } else { "client" }));
    tx.execute(
        "insert into access_tokens (hash, id, grant_id, client_id, scope, aud, jkt, x5t, issued_at, expires_at, \
         details) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &[
            t.hash.into(),
            t.id.as_str().into(),
            t.grant.as_ref().map(GrantId::as_str).into(),
            t.client.as_str().into(),
            t.scope.to_string().into(),
            t.aud.join(" ").into(),
            t.binding.and_then(|b| b.jkt()).map(|jkt| jkt.base64url()).into(),
            t.binding.and_then(|b| b.x5t()).into(),
            t.issued_at.into(),
            t.expires_at.into(),
            details.into(),
        ],
    )?;
    Ok(())
}

pub(super) fn insert_refresh(
    tx: &mut Tx<'_, '_>,
    hash: &Hash,
    id: &TokenId,
    grant: &Grant,
    scope: &Scope,
    aud: &[String],
    now: Instant,
) -> Result<()> {
    tx.execute(
        "insert into refresh_tokens (hash, id, grant_id, client_id, scope, aud, issued_at, expires_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            (*hash).into(),
            id.as_str().into(),
            grant.id.as_str().into(),
            grant.client.as_str().into(),
            scope.to_string().into(),
            aud.join(" ").into(),
            now.into(),
            grant.expires_at.into(),
        ],
    )?;
    Ok(())
}

/// The event of an issued or revoked token, numbered by its grant if it has one. A client's own token has no grant to
/// number its events. Each kind of event happens to it once, so the kind identifies the event.
pub(super) fn emit_event(
    tx: &mut Tx<'_, '_>,
    (token, client, aud): (&TokenId, &ClientId, &[String]),
    grant: Option<&GrantId>,
    kind: EventKind,
    detail: serde_json::Value,
    now: Instant,
) -> Result<()> {
    if let Some(grant) = grant {
        return grant::sql::emit_event(tx, grant, kind, detail, now);
    }
    let id = event_id(token.as_str(), i64::from(kind == EventKind::TokenRevoked))?;
    event::emit(tx, &Event { detail, aud: aud.to_vec(), ..Event::of_client(id, now, kind, Some(client.clone())) })
}

/// The event, and the audit record. Only the record says for which `grant_type` a token was issued.
pub(super) fn emit_and_audit(
    tx: &mut Tx<'_, '_>,
    (token, client, aud): (&TokenId, &ClientId, &[String]),
    grant: Option<&Grant>,
    kind: EventKind,
    (mut detail, grant_type): (serde_json::Value, Option<&'static str>),
    now: Instant,
) -> Result<()> {
    emit_event(tx, (token, client, aud), grant.map(|g| &g.id), kind, detail.clone(), now)?;
    if let Some(grant_type) = grant_type {
        detail["grant_type"] = grant_type.into();
    }
    let entry = Entry {
        client: Some(client.clone()),
        grant: grant.map(|g| g.id.clone()),
        account: grant.map(|g| g.account_index),
        detail,
        ..Entry::new(now, Actor::Client(client.clone()), AuditAction::Event(kind))
    };
    audit::append(tx, &entry)
}

/// The refresh token under `hash`, with its grant.
pub fn find_refresh(tx: &mut Tx<'_, '_>, hash: &Hash) -> Result<Option<(Refresh, Grant)>> {
    let sql = concat!(
        "select t.id, t.client_id, t.scope, t.aud, t.issued_at, t.revoked_at, t.revoked_by, ",
        columns!(),
        " from refresh_tokens t join grants g on g.id = t.grant_id where t.hash = ?1"
    );
    let Some(row) = tx.row(sql, &[(*hash).into()])? else {
        return Ok(None);
    };
    let id = row.text(0)?;
    let bad = |column: &str| Error::Corrupt { table: "refresh_tokens", row: id.to_owned(), why: column.to_owned() };
    let token = Refresh {
        id: TokenId::parse(id).ok_or_else(|| bad("id"))?,
        client: ClientId::parse(row.text(1)?).ok_or_else(|| bad("client_id"))?,
        scope: Scope::parse(row.text(2)?).ok_or_else(|| bad("scope"))?,
        aud: words(row.text(3)?),
        issued_at: row.instant(4)?,
        revoked_at: row.opt_instant(5)?,
        replaced: row.opt_text(6)? == Some("replaced"),
    };
    Ok(Some((token, from_row(&row, 7)?)))
}

/// Whether a refresh token of the grant can still be used: then an access token is revoked alone
/// (docs/protocol.md#ends).
pub(super) fn has_refresh(tx: &mut Tx<'_, '_>, grant: &GrantId) -> Result<bool> {
    let row = tx.row(
        "select id from refresh_tokens where grant_id = ?1 and revoked_at is null limit 1",
        &[grant.as_str().into()],
    )?;
    Ok(row.is_some())
}

pub(super) fn revoke_access(tx: &mut Tx<'_, '_>, hash: &Hash, now: Instant) -> Result<()> {
    tx.execute(
        "update access_tokens set revoked_at = ?2 where hash = ?1 and revoked_at is null",
        &[(*hash).into(), now.into()],
    )?;
    Ok(())
}

pub(super) fn revoke_refresh(tx: &mut Tx<'_, '_>, hash: &Hash, now: Instant) -> Result<()> {
    tx.execute(
        "update refresh_tokens set revoked_at = ?2 where hash = ?1 and revoked_at is null",
        &[(*hash).into(), now.into()],
    )?;
    Ok(())
}

/// A token that was revoked: its public id, its client, its grant and its audiences.
pub(super) struct RevokedToken {
    pub(super) token: TokenId,
    pub(super) client: ClientId,
    pub(super) grant: Option<GrantId>,
    pub(super) aud: Vec<String>,
}

/// Revokes the valid tokens that a restored backup contains, at most `limit` of each kind. Returns the tokens of this
/// call.
pub(super) fn revoke_restored(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<Vec<RevokedToken>> {
    let access = "update access_tokens set revoked_at = ?1 where hash in (select t.hash from access_tokens t \
                  left join grants g on g.id = t.grant_id where t.revoked_at is null and t.expires_at > ?1 \
                  and g.ended_at is null limit ?2) returning id, client_id, grant_id, aud";
    let refresh = "update refresh_tokens set revoked_at = ?1 where hash in (select t.hash from refresh_tokens t \
                   join grants g on g.id = t.grant_id where t.revoked_at is null and t.expires_at > ?1 \
                   and g.ended_at is null limit ?2) returning id, client_id, grant_id, aud";
    let mut revoked = Vec::new();
    for sql in [access, refresh] {
        for row in tx.rows(sql, &[now.into(), limit.into()])? {
            let id = row.text(0)?;
            let bad = || Error::Corrupt { table: "tokens", row: id.to_owned(), why: "an id".to_owned() };
            revoked.push(RevokedToken {
                token: TokenId::parse(id).ok_or_else(bad)?,
                client: ClientId::parse(row.text(1)?).ok_or_else(bad)?,
                grant: row.opt_text(2)?.map(|g| GrantId::parse(g).ok_or_else(bad)).transpose()?,
                aud: words(row.text(3)?),
            });
        }
    }
    Ok(revoked)
}

/// An audience is an absolute URI or a name (RFC 8707 §2): neither contains a space.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// Housekeeping: expired access tokens go after a day. Returns how many went.
pub fn prune_access(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from access_tokens where hash in (select hash from access_tokens where expires_at < ?1 \
         order by expires_at limit ?2)",
        &[(now - Duration::from_hours(24)).into(), limit.into()],
    )
}

/// How long a refresh token is kept after its time: so long its client reads why it is over.
const REFRESH_KEPT: Duration = Duration::from_hours(30 * 24);

/// Housekeeping: expired refresh tokens go after thirty days. Returns how many went.
pub fn prune_refresh(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from refresh_tokens where hash in (select hash from refresh_tokens where expires_at < ?1 \
         order by expires_at limit ?2)",
        &[(now - REFRESH_KEPT).into(), limit.into()],
    )
}
