//! A new grant with its first code: after 許可する, together with its consent record; or for `prompt=none`, on a consent
//! that is in force. This is the only place where a grant begins, and the only one that inserts a grant or a code.

use super::code::{AuthorizationCode, CodeBinding};
use super::{Grant, GrantState, pairwise, sql};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::client;
use crate::clock::Instant;
use crate::consent::{self, ConsentRecord, Details, GivenConsent};
use crate::event::EventKind;
use crate::id::{AccountId, ConsentId, GrantId, InteractionId};
use crate::identity::Proofed;
use crate::keys::seal::{Broken, SealContext, Sealer};
use crate::oxide::Challenge;
use crate::random::Random;
use crate::scope::Scope;
use crate::secret::{self, Hash, Secret, SecretKind};
use crate::store::{Error, Result, Tx, Value};
use serde_json::json;
use std::time::Duration;

/// A grant and its code, ready to be written. Ids and code are drawn and fields are sealed before the transaction, so
/// that a repeated transaction writes the same values.
#[derive(Debug, Clone)]
pub struct NewGrant {
    grant: Grant,
    code: AuthorizationCode,
    summary: GrantSummary,
    basis: Basis,
    audiences: Vec<String>,
    account_id: Option<AccountId>,
    warn_at: Option<Instant>,
    by_create: bool,
    ends_grant: Option<GrantId>,
}

/// The consent of a new grant.
#[derive(Debug, Clone)]
enum Basis {
    /// A consent that is given now.
    Given { record: Box<ConsentRecord>, interaction: InteractionId, shared: Vec<(Hash, AccountId)> },
    /// The consent of an earlier grant, which must still be in use.
    Standing { grant: GrantId },
}

/// What the app and the customer learn about a new grant.
#[derive(Debug, Clone)]
pub struct GrantSummary {
    /// The code for the app; shown only once, only its hash is stored.
    pub code: Secret,
    /// The grant.
    pub grant: GrantId,
    /// The consent it rests on.
    pub consent: ConsentId,
    /// When it ends.
    pub expires_at: Instant,
    /// 受付番号 for the completion notice.
    pub reference: String,
}

impl NewGrant {
    /// Prepares grant and code for a given consent. `sector` determines the pairwise subject: the client's sector, or
    /// its id.
    ///
    /// # Errors
    /// [`Broken`] if sealing fails.
    pub fn new(
        agreed: &GivenConsent,
        binding: CodeBinding,
        sector: &str,
        sealer: &Sealer,
        random: &dyn Random,
    ) -> std::result::Result<Self, Broken> {
        let record = ConsentRecord::granted(agreed, sealer, random)?;
        let customer = &agreed.customer;
        let id = GrantId::new(agreed.at, random);
        let grant = Grant {
            consent: record.id().clone(),
            client: agreed.client.clone(),
            sub: pairwise(sealer, sector, &customer.holder),
            account_index: customer.account_index,
            account: sealed_account(&id, &customer.account.to_string(), sealer, random)?,
            reference: crate::identity::reference(sealer, &customer.interaction),
            scope: agreed.scope.clone(),
            details: agreed.details.clone(),
            acr: customer.acr.clone(),
            amr: customer.amr.clone(),
            auth_time: customer.auth_time,
            created_at: agreed.at,
            expires_at: agreed.expires_at,
            state: GrantState::Pending,
            seq: 0,
            id,
        };
        let interaction = customer.interaction.clone();
        let basis = Basis::Given { record: Box::new(record), interaction, shared: Vec::new() };
        Ok(Self::with_code(grant, binding, basis, random))
    }

    /// Prepares a grant for the part of a request that `old` covers, under the consent of `old`. It never outlives
    /// `old`.
    ///
    /// # Errors
    /// [`Broken`] if sealing fails.
    pub fn reissued(
        old: &Grant,
        (scope, details): (Scope, Details),
        proofed: &Proofed,
        binding: CodeBinding,
        (sealer, random): (&Sealer, &dyn Random),
        now: Instant,
    ) -> std::result::Result<Self, Broken> {
        let id = GrantId::new(now, random);
        let grant = Grant {
            account: sealed_account(&id, &proofed.account.to_string(), sealer, random)?,
            id,
            scope,
            details,
            amr: proofed.amr.clone(),
            auth_time: proofed.auth_time,
            created_at: now,
            state: GrantState::Pending,
            seq: 0,
            ..old.clone()
        };
        Ok(Self::with_code(grant, binding, Basis::Standing { grant: old.id.clone() }, random))
    }

    fn with_code(grant: Grant, binding: CodeBinding, basis: Basis, random: &dyn Random) -> Self {
        let plain = secret::issue(SecretKind::Code, random);
        let code = AuthorizationCode::new(plain.hash(), &grant, None, binding, grant.created_at);
        let summary = GrantSummary {
            code: plain,
            grant: grant.id.clone(),
            consent: grant.consent.clone(),
            expires_at: grant.expires_at,
            reference: grant.reference.clone(),
        };
        Self {
            grant,
            code,
            summary,
            basis,
            audiences: Vec::new(),
            account_id: None,
            warn_at: None,
            by_create: false,
            ends_grant: None,
        }
    }

    /// Adds every account it shares, by keyed index and by the core bank's id: an event of any of them also affects the grant
    /// (G24).
    #[must_use]
    pub fn with_shared(mut self, accounts: impl IntoIterator<Item = (Hash, AccountId)>) -> Self {
        if let Basis::Given { shared, .. } = &mut self.basis {
            *shared = accounts.into_iter().filter(|(account, _)| *account != self.grant.account_index).collect();
        }
        self
    }

    /// Adds who hears of the grant (docs/events.md): the resource servers of `audiences`, and the institution by the opaque id
    /// of the verified account.
    #[must_use]
    pub fn with_receivers(mut self, audiences: Vec<String>, account_id: AccountId) -> Self {
        (self.audiences, self.account_id) = (audiences, Some(account_id));
        self
    }

    /// Adds how long before its end the grant is announced to expire; a distance longer than the grant is skipped.
    #[must_use]
    pub fn with_warnings(mut self, distances: &[Duration]) -> Self {
        self.warn_at = next_warning(self.grant.created_at, self.grant.expires_at, distances);
        self
    }

    /// The app asked for it beside its other grants (`grant_management_action=create`): it replaces none of them.
    #[must_use]
    pub fn additional(mut self) -> Self {
        self.by_create = true;
        self
    }

    /// The grant that ⑥ named as the one to end, because there are as many as allowed.
    #[must_use]
    pub fn ends_grant(mut self, grant: Option<GrantId>) -> Self {
        self.ends_grant = grant;
        self
    }

    /// Shortens the lifetime of the code; it is never longer than [`super::code::LIFETIME`].
    #[must_use]
    pub fn with_code_lifetime(mut self, lifetime: Duration) -> Self {
        self.code = self.code.living(lifetime);
        self
    }

    /// The summary of the grant. Use it only after [`create`]'s transaction has committed.
    #[must_use]
    pub fn summary(&self) -> &GrantSummary {
        &self.summary
    }
}

/// When the next warning before `end` is due, after `after`.
#[must_use]
pub fn next_warning(after: Instant, end: Instant, distances: &[Duration]) -> Option<Instant> {
    distances.iter().map(|distance| end - *distance).filter(|at| *at > after).min()
}

pub(super) fn sealed_account(
    id: &GrantId,
    account: &str,
    sealer: &Sealer,
    random: &dyn Random,
) -> std::result::Result<Vec<u8>, Broken> {
    let place = SealContext { table: "grants", column: "account", row: id.as_str() };
    sealer.seal(random, place, account.as_bytes())
}

/// Writes grant (pending) and code, with audit records and events; with a consent that is given now also its record and
/// the event `consent.granted`. `false`, and nothing is written, where the earlier grant it rests on is in use no more.
/// Consuming the request, ending the interaction and queueing the notice belong into the same transaction.
pub fn create(tx: &mut Tx<'_, '_>, link: &NewGrant) -> Result<bool> {
    let (g, at) = (&link.grant, link.grant.created_at);
    match &link.basis {
        Basis::Given { record, .. } => consent::sql::record(tx, record)?,
        Basis::Standing { grant } => {
            let old = sql::load(tx, grant)?.filter(|old| old.is_live(at));
            if !old.is_some_and(|old| matches!(old.state, GrantState::Active { .. })) {
                return Ok(false);
            }
        }
    }
    insert_grant(tx, link)?;
    insert_code(tx, &link.code)?;
    let entry = Entry {
        client: Some(g.client.clone()),
        grant: Some(g.id.clone()),
        account: Some(g.account_index),
        detail: json!({"consent": g.consent, "until": g.expires_at.rfc3339()}),
        ..Entry::new(at, Actor::Customer, AuditAction::Event(EventKind::GrantCreated))
    };
    let entry = match &link.basis {
        Basis::Given { interaction, shared, .. } => {
            for account in shared {
                share(tx, &g.id, account)?;
            }
            sql::emit_event(tx, &g.id, EventKind::ConsentGranted, json!({}), at)?;
            Entry { interaction: Some(interaction.clone()), ..entry }
        }
        Basis::Standing { grant } => {
            // Without a permission nothing is shared, so events of other accounts do not affect the new grant.
            if !g.details.accounts.is_empty() {
                share_like(tx, &g.id, grant)?;
            }
            let entry = Entry { actor: Actor::Client(g.client.clone()), ..entry };
            audit::append(
                tx,
                &Entry { action: AuditAction::InteractionProofingRemembered, detail: json!({}), ..entry.clone() },
            )?;
            let detail = json!({
                "consent": g.consent, "until": g.expires_at.rfc3339(), "remembered": g.auth_time.rfc3339(), "after": grant,
            });
            Entry { detail, ..entry }
        }
    };
    sql::emit_event(tx, &g.id, EventKind::GrantCreated, json!({}), at)?;
    audit::append(tx, &entry)?;
    record_shared(tx, &entry, &[])?;
    Ok(true)
}

/// Records each account that the grant of `made` shares besides the verified one and that is not among `before`: the record alone
/// says, as long as it is kept, which grants shared an account.
pub(super) fn record_shared(tx: &mut Tx<'_, '_>, made: &Entry, before: &[Hash]) -> Result<()> {
    for account in shared_accounts(tx, made.grant.as_ref())?.into_iter().filter(|account| !before.contains(account)) {
        let (account, action) = (Some(account), AuditAction::GrantAccountShared);
        audit::append(tx, &Entry { account, action, detail: json!({}), ..made.clone() })?;
    }
    Ok(())
}
/// The accounts that a grant shares besides the verified one.
pub(super) fn shared_accounts(tx: &mut Tx<'_, '_>, grant: Option<&GrantId>) -> Result<Vec<Hash>> {
    let sql = "select account_index from grant_accounts where grant_id = ?1 order by account_index";
    tx.rows(sql, &[grant.map(GrantId::as_str).into()])?.iter().map(|row| row.hash(0)).collect()
}

/// The row of a new grant.
fn insert_grant(tx: &mut Tx<'_, '_>, link: &NewGrant) -> Result<()> {
    let g = &link.grant;
    let details = serde_json::to_string(&g.details).map_err(|e| Error::Engine(format!("details: {e}")))?;
    tx.execute(
        "insert into grants (id, consent_id, client_id, sub, account_index, account, reference, scope, details, acr, \
         amr, auth_time, created_at, expires_at, state, seq, aud, account_id, warn_at, by_create, ends_grant) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        &[
            g.id.as_str().into(),
            g.consent.as_str().into(),
            g.client.as_str().into(),
            g.sub.as_str().into(),
            g.account_index.into(),
            g.account.clone().into(),
            g.reference.as_str().into(),
            g.scope.to_string().into(),
            details.into(),
            g.acr.as_str().into(),
            g.amr.join(" ").into(),
            g.auth_time.into(),
            g.created_at.into(),
            g.expires_at.into(),
            g.state.as_str().into(),
            g.seq.into(),
            link.audiences.join(" ").into(),
            link.account_id.as_ref().map(AccountId::as_str).into(),
            link.warn_at.into(),
            i64::from(link.by_create).into(),
            link.ends_grant.as_ref().map(GrantId::as_str).into(),
        ],
    )?;
    client::sql::add_audiences(tx, &g.client, &link.audiences)
}

/// The row of a new code.
pub(super) fn insert_code(tx: &mut Tx<'_, '_>, c: &AuthorizationCode) -> Result<()> {
    let b = &c.binding;
    let params: [Value; 11] = [
        c.hash.into(),
        c.grant.as_str().into(),
        c.client.as_str().into(),
        b.redirect_uri.as_str().into(),
        b.challenge.as_ref().map(Challenge::as_str).into(),
        b.dpop_jkt.map(|jkt| jkt.base64url()).into(),
        b.nonce.as_deref().into(),
        b.resource.join(" ").into(),
        c.issued_at.into(),
        c.expires_at.into(),
        c.change.as_ref().map(ConsentId::as_str).into(),
    ];
    tx.execute(
        "insert into codes (hash, grant_id, client_id, redirect_uri, challenge, jkt, nonce, resource, \
         issued_at, expires_at, change_id) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &params,
    )?;
    Ok(())
}

/// Stores that a grant shares an account besides the verified one.
fn share(tx: &mut Tx<'_, '_>, id: &GrantId, (account, bank_id): &(Hash, AccountId)) -> Result<()> {
    let sql =
        "insert into grant_accounts (grant_id, account_index, account_id) values (?1, ?2, ?3) on conflict do nothing";
    tx.execute(sql, &[id.as_str().into(), (*account).into(), bank_id.as_str().into()])?;
    Ok(())
}

/// Stores that a grant shares the same accounts as `of`.
fn share_like(tx: &mut Tx<'_, '_>, id: &GrantId, of: &GrantId) -> Result<()> {
    let sql = "insert into grant_accounts (grant_id, account_index, account_id) \
               select ?1, account_index, account_id from grant_accounts where grant_id = ?2";
    tx.execute(sql, &[id.as_str().into(), of.as_str().into()])?;
    Ok(())
}
