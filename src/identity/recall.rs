//! A way that begins at ⑥, because the checks were passed minutes ago (protocol A4).

use super::desk::Desk;
use super::sql::{self, Kept, arrow, corrupt};
use super::{Ending, Expired, Holder, Interaction, Misstep, Proofed, Recalled, Stage, lockout, memory};
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::secret::{Hash, base64url};
use crate::store::{Result, Tx};
use serde_json::json;

impl Interaction {
    /// S1 → S6: the checks were passed minutes ago in this browser, for this app.
    ///
    /// # Errors
    /// [`Misstep`] from any other stage, and for a proofing that comes from no memory.
    pub fn recalled(self, proofed: Proofed) -> std::result::Result<Self, Misstep> {
        match self.stage {
            Stage::Account { typed: None } if proofed.remembered.is_some() => {
                Ok(Self { stage: Stage::Consent(Box::new(proofed)), ..self })
            }
            _ => Err(Misstep),
        }
    }
}

impl Desk {
    /// What a browser remembers for an app, while its time lasts.
    ///
    /// # Errors
    /// The store's.
    pub async fn recall(&self, of: &Holder, now: Instant) -> Result<Option<Proofed>> {
        let (desk, of) = (self.clone(), of.clone());
        self.store.read(move |tx| desk.recall_tx(tx, &of, now)).await
    }
    fn recall_tx(&self, tx: &mut Tx<'_, '_>, of: &Holder, now: Instant) -> Result<Option<Proofed>> {
        let sql = "select sealed from proofings where cookie = ?1 and client = ?2 and version = ?3 and expires_at > ?4";
        let params = [of.memory.into(), of.client.as_str().into(), of.version.into(), now.into()];
        let Some(row) = tx.row(sql, &params)? else { return Ok(None) };
        // The row's name is the digest of a value that may be alive: not shown.
        let bad = |why: &str| corrupt("proofings", "(not shown)", why);
        let name = base64url(of.memory.as_bytes());
        let plain = self.seals.sealer.open(memory::place(&name), row.bytes(0)?).map_err(|_| bad("its seal"))?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| bad("its proofing"))
    }

    /// Lets a new way begin at ⑥, when the memory still stands and the account is not locked; else it stays at ①. A way
    /// has one memory and a memory one way, so that one value cannot crowd the service (R35).
    pub(super) fn recalled(
        &self,
        tx: &mut Tx<'_, '_>,
        i: Interaction,
        r: &Recalled,
        now: Instant,
    ) -> Result<Interaction> {
        let account = r.proofed.account_index;
        if self.recall_tx(tx, &r.of, now)?.is_none() || lockout::locked(tx, &self.seals, account, now)?.is_some() {
            return Ok(i);
        }
        let Ok(i) = i.clone().recalled(r.proofed.clone()) else { return Ok(i) };
        if let Some(Kept { interaction, .. }) = self.standing_on(tx, &r.of.memory)?
            && interaction.live()
        {
            sql::end(tx, &self.seals, interaction, Ending::Expired(Expired::Elsewhere), now)?;
        }
        let own = "update proofings set interaction = ?2 where cookie = ?1";
        tx.execute(own, &[r.of.memory.into(), i.id.as_str().into()])?;
        sql::save(tx, &self.seals, &i)?;
        let detail = json!({ "auth_time": r.proofed.auth_time.secs() });
        arrow(tx, &i, "interaction.proofing.remembered", Some(account), detail, now)?;
        Ok(i)
    }
    fn standing_on(&self, tx: &mut Tx<'_, '_>, memory: &Hash) -> Result<Option<Kept>> {
        let row = tx.row("select interaction from proofings where cookie = ?1", &[(*memory).into()])?;
        let id = row.as_ref().map(|row| row.opt_text(0)).transpose()?.flatten().and_then(InteractionId::parse);
        id.map(|id| sql::load(tx, &self.seals, &id)).transpose().map(Option::flatten)
    }
}
