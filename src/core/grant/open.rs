//! 許可する: consent record, grant and code, written together.

use super::code::{self, Binding, Code};
use super::{Grant, GrantState, pairwise, sql};
use crate::audit::{self, Actor, Entry};
use crate::clock::Instant;
use crate::consent::{self, Agreed, Record};
use crate::event::Kind;
use crate::id::GrantId;
use crate::keys::seal::{Broken, Place, Sealer};
use crate::random::Random;
use crate::secret::{self, Hash, Kind as SecretKind, Secret};
use crate::store::{Result, Tx};
use std::time::Duration;

/// Everything 許可する will write, made before the transaction: ids and code are drawn here, fields sealed here, so that
/// the transaction can run again without drawing anew.
#[derive(Debug, Clone)]
pub struct Link {
    record: Record,
    grant: Grant,
    code: Code,
    told: Linked,
    interaction: crate::id::InteractionId,
    shared: Vec<Hash>,
}

/// What comes out of it.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The code for the app; shown once, only its hash is kept.
    pub code: Secret,
    /// The grant.
    pub grant: GrantId,
    /// When it ends.
    pub expires_at: Instant,
    /// 受付番号 for the completion notice.
    pub reference: String,
}

impl Link {
    /// Prepares grant and code for an agreed consent. `sector` is what the pairwise subject is made for: the client's
    /// sector, or its id.
    ///
    /// # Errors
    /// [`Broken`] when sealing fails.
    pub fn new(
        agreed: &Agreed,
        binding: Binding,
        sector: &str,
        sealer: &Sealer,
        random: &dyn Random,
    ) -> std::result::Result<Self, Broken> {
        let record = Record::granted(agreed, sealer, random)?;
        let id = GrantId::random(random);
        let plain = secret::issue(SecretKind::Code, random);
        let place = Place { table: "grants", column: "account", row: id.as_str() };
        let account = sealer.seal(random, place, agreed.customer.account.to_string().as_bytes())?;
        let grant = Grant {
            consent: record.id().clone(),
            client: agreed.client.clone(),
            sub: pairwise(sealer, sector, &agreed.customer.holder),
            account_index: agreed.customer.account_index,
            account,
            reference: consent::reference(sealer, &agreed.customer.interaction),
            scope: agreed.scope.clone(),
            details: agreed.details.clone(),
            acr: agreed.customer.acr.clone(),
            amr: agreed.customer.amr.clone(),
            auth_time: agreed.customer.auth_time,
            created_at: agreed.at,
            expires_at: agreed.expires_at,
            state: GrantState::Pending,
            seq: 0,
            id,
        };
        let told = Linked {
            code: plain.clone(),
            grant: grant.id.clone(),
            expires_at: grant.expires_at,
            reference: grant.reference.clone(),
        };
        let code = Code {
            hash: plain.hash(),
            grant: grant.id.clone(),
            client: grant.client.clone(),
            binding,
            issued_at: agreed.at,
            expires_at: agreed.at + code::LIFETIME,
            used_at: None,
        };
        Ok(Self { record, grant, code, told, interaction: agreed.customer.interaction.clone(), shared: Vec::new() })
    }

    /// With the keyed indexes of every account it shares: what happens to one of them happens to the grant (G24).
    #[must_use]
    pub fn with_shared(mut self, accounts: impl IntoIterator<Item = Hash>) -> Self {
        self.shared = accounts.into_iter().filter(|account| *account != self.grant.account_index).collect();
        self
    }

    /// With a code that lives shorter than [`code::LIFETIME`]; it never lives longer.
    #[must_use]
    pub fn with_code_lifetime(mut self, lifetime: Duration) -> Self {
        self.code.expires_at = self.code.issued_at + lifetime.min(code::LIFETIME);
        self
    }

    /// What the app and the customer will be told, once [`allow`]'s transaction has committed.
    #[must_use]
    pub fn told(&self) -> &Linked {
        &self.told
    }
}

/// Writes consent record, grant (pending) and code, with audit records and the events `consent.granted` and
/// `grant.created`. Consuming the request, ending the interaction and queueing the notice belong into the same
/// transaction.
///
/// # Errors
/// The store's.
pub fn allow(tx: &mut Tx<'_, '_>, link: &Link) -> Result<()> {
    let g = &link.grant;
    consent::sql::record(tx, &link.record)?;
    sql::insert(tx, g)?;
    for account in &link.shared {
        sql::share(tx, &g.id, account)?;
    }
    code::insert(tx, &link.code)?;
    sql::tell(tx, &g.id, Kind::ConsentGranted, serde_json::json!({}), g.created_at)?;
    sql::tell(tx, &g.id, Kind::GrantCreated, serde_json::json!({}), g.created_at)?;
    audit::append(
        tx,
        &Entry {
            client: Some(g.client.clone()),
            interaction: Some(link.interaction.clone()),
            grant: Some(g.id.clone()),
            account: Some(g.account_index),
            detail: serde_json::json!({"consent": g.consent, "until": g.expires_at.rfc3339()}),
            ..Entry::new(g.created_at, Actor::Customer, "grant.created")
        },
    )
}
