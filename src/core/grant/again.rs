//! The same consent once more: for a customer who is remembered, a code without a screen (`prompt=none`). What
//! comes of it is a grant on the consent that stands, within it, and ending when it ends; redeeming the code replaces
//! the older grant as every newer link does (G23).

use super::code::{self, Binding, Code};
use super::{Grant, GrantState, sql};
use crate::audit::{self, Actor, Entry};
use crate::clock::Instant;
use crate::consent::Details;
use crate::event::Kind;
use crate::id::GrantId;
use crate::identity::Proofed;
use crate::keys::seal::{Broken, Place, Sealer};
use crate::random::Random;
use crate::scope::Scope;
use crate::secret::{self, Kind as SecretKind, Secret};
use crate::store::{Result, Tx};
use std::time::Duration;

/// A grant and its code, drawn and sealed before the transaction.
#[derive(Debug, Clone)]
pub struct Again {
    of: GrantId,
    grant: Grant,
    code: Code,
    plain: Secret,
}
impl Again {
    /// Prepares a grant of what `old` covers of a request. It never outlives `old`.
    ///
    /// # Errors
    /// [`Broken`] when sealing fails.
    #[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename them")]
    pub fn new(
        old: &Grant,
        (scope, details): (Scope, Details),
        proofed: &Proofed,
        binding: Binding,
        code_lifetime: Duration,
        sealer: &Sealer,
        random: &dyn Random,
        now: Instant,
    ) -> std::result::Result<Self, Broken> {
        let id = GrantId::random(random);
        let plain = secret::issue(SecretKind::Code, random);
        let place = Place { table: "grants", column: "account", row: id.as_str() };
        let account = sealer.seal(random, place, proofed.account.to_string().as_bytes())?;
        let grant = Grant {
            id,
            account,
            scope,
            details,
            amr: proofed.amr.clone(),
            auth_time: proofed.auth_time,
            created_at: now,
            state: GrantState::Pending,
            seq: 0,
            ..old.clone()
        };
        let code = Code {
            hash: plain.hash(),
            grant: grant.id.clone(),
            client: grant.client.clone(),
            binding,
            issued_at: now,
            expires_at: now + code_lifetime.min(code::LIFETIME),
            used_at: None,
        };
        Ok(Self { of: old.id.clone(), grant, code, plain })
    }
    /// The code for the app; shown once.
    #[must_use]
    pub const fn code(&self) -> &Secret {
        &self.plain
    }
}

/// Writes grant and code with audit record and event, if the grant it repeats is still in use; `false` if not.
///
/// # Errors
/// The store's.
pub fn again(tx: &mut Tx<'_, '_>, again: &Again, now: Instant) -> Result<bool> {
    let g = &again.grant;
    let old = sql::load(tx, &again.of)?.filter(|old| old.is_live(now));
    if !old.is_some_and(|old| matches!(old.state, GrantState::Active { .. })) {
        return Ok(false);
    }
    sql::insert(tx, g)?;
    // Nothing is shared without a permission: then what happens to other accounts is of no concern to the new grant.
    if !g.details.accounts.is_empty() {
        sql::share_like(tx, &g.id, &again.of)?;
    }
    code::insert(tx, &again.code)?;
    sql::tell(tx, &g.id, Kind::GrantCreated, serde_json::json!({}), now)?;
    let detail = serde_json::json!({
        "consent": g.consent, "until": g.expires_at.rfc3339(), "remembered": g.auth_time.rfc3339(), "after": again.of,
    });
    let entry = Entry {
        client: Some(g.client.clone()),
        grant: Some(g.id.clone()),
        account: Some(g.account_index),
        ..Entry::new(now, Actor::Client(g.client.clone()), "interaction.proofing.remembered")
    };
    audit::append(tx, &entry)?;
    audit::append(tx, &Entry { action: "grant.created", detail, ..entry })?;
    Ok(true)
}
