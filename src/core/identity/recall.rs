//! An interaction that begins at ⑥, because the checks were passed minutes ago (decision 15).

use super::service::IdentityService;
use super::sql::{self, corrupt};
use super::{Interaction, Misstep, Proofed, ProofingSessionKey, Recalled, Stage, lockout, proofing_session};
use crate::account::Account;
use crate::audit::AuditAction;
use crate::clock::Instant;
use crate::id::AccountId;
use crate::secret::base64url;
use crate::store::{Result, Tx};
use serde_json::json;

impl Interaction {
    /// S1 → S6: the checks were passed minutes ago in this browser, for this app.
    ///
    /// # Errors
    /// [`Misstep`] from any other stage, or if the proofing does not come from a proofing session.
    pub fn recalled(self, proofed: Proofed) -> std::result::Result<Self, Misstep> {
        match self.stage {
            Stage::Account { typed: None } if proofed.remembered.is_some() && self.purpose.link().is_some() => {
                let stage = Stage::Consent(Box::new(proofed));
                Ok(Self { stage, passed_customer: true, recorded: true, ..self })
            }
            _ => Err(Misstep),
        }
    }

    /// S6 → S6: the core bank was asked again for the person's accounts.
    pub fn reoffered(self, accounts: Vec<(AccountId, Account)>) -> std::result::Result<Self, Misstep> {
        match self.stage {
            Stage::Consent(proofed) => {
                Ok(Self { stage: Stage::Consent(Box::new(Proofed { accounts, ..*proofed })), ..self })
            }
            _ => Err(Misstep),
        }
    }
}

impl IdentityService {
    /// What a browser remembers for an app, while its time lasts.
    pub async fn recall(&self, of: &ProofingSessionKey, now: Instant) -> Result<Option<Proofed>> {
        let (service, of) = (self.clone(), of.clone());
        self.store.read(move |tx| service.recall_tx(tx, &of, now)).await
    }
    fn recall_tx(&self, tx: &mut Tx<'_, '_>, of: &ProofingSessionKey, now: Instant) -> Result<Option<Proofed>> {
        let sql = "select sealed from proofings where cookie = ?1 and client = ?2 and version = ?3 and expires_at > ?4";
        let params = [of.cookie.into(), of.client.as_str().into(), of.version.into(), now.into()];
        let Some(row) = tx.row(sql, &params)? else { return Ok(None) };
        // The row's key is the digest of a value that may still be valid: it is not shown.
        let bad = |why: &str| corrupt("proofings", "(not shown)", why);
        let name = base64url(of.cookie.as_bytes());
        let plain = self
            .crypto
            .sealer
            .open(proofing_session::seal_context(&name), row.bytes(0)?)
            .map_err(|_| bad("its seal"))?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| bad("its proofing"))
    }

    /// Lets a new interaction begin at ⑥, when the proofing session still exists and the account is not locked; else it stays at ①.
    pub(super) fn recalled(
        &self,
        tx: &mut Tx<'_, '_>,
        i: Interaction,
        r: &Recalled,
        now: Instant,
    ) -> Result<Interaction> {
        let account = r.proofed.account_index;
        let locked = lockout::locked(tx, &self.crypto, &self.policy, account, now)?.is_some();
        if locked || self.recall_tx(tx, &r.of, now)?.is_none() {
            return Ok(i);
        }
        let Ok(mut i) = i.clone().recalled(r.proofed.clone()) else { return Ok(i) };
        i.occupies_slot = sql::may_occupy_slot(tx, account)?;
        sql::save(tx, &self.crypto, &i)?;
        let detail = json!({ "auth_time": r.proofed.auth_time.secs() });
        sql::record(tx, &i, AuditAction::InteractionProofingRemembered, Some(account), detail, now)?;
        Ok(i)
    }
}
