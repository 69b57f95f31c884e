//! The table of the ring. Every step writes the new state and an audit record in one transaction.

use super::{KeyState, KeyStep};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::keys::jose::Alg;
use crate::store::{Error, Result, Tx};
use serde_json::{Value, json};

/// A key's row without its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub kid: String,
    /// Its algorithm.
    pub alg: Alg,
    /// Its state.
    pub state: KeyState,
    /// When it was generated.
    pub created_at: Instant,
    /// When a next key will begin to sign.
    pub activate_at: Option<Instant>,
    /// When it began to sign.
    pub activated_at: Option<Instant>,
    /// When it stopped signing.
    pub retired_at: Option<Instant>,
    /// When a node that lists its algorithm last said so.
    pub wanted_at: Option<Instant>,
}

pub(super) struct SealedKeyRow {
    pub(super) listed: KeyRow,
    pub(super) sealed: Vec<u8>,
}

/// A new key that is not stored yet.
pub(super) struct NewKeyRow {
    pub(super) kid: String,
    pub(super) alg: Alg,
    pub(super) sealed: Vec<u8>,
}

/// More than a ring ever has: four algorithms, a few generations.
const MOST: i64 = 200;

/// All keys, oldest first, without unsealing them.
pub fn list(tx: &mut Tx<'_, '_>) -> Result<Vec<KeyRow>> {
    Ok(load(tx)?.into_iter().map(|s| s.listed).collect())
}

pub(super) fn load(tx: &mut Tx<'_, '_>) -> Result<Vec<SealedKeyRow>> {
    let rows = tx.rows(
        "select kid, alg, state, private_key, created_at, activate_at, activated_at, retired_at, wanted_at
         from signing_keys
         order by created_at, alg, kid limit ?1",
        &[MOST.into()],
    )?;
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let kid = row.text(0)?.to_owned();
        let corrupt = |why: &str| Error::Corrupt { table: "signing_keys", row: kid.clone(), why: why.into() };
        let listed = KeyRow {
            alg: Alg::parse(row.text(1)?).ok_or_else(|| corrupt("unknown alg"))?,
            state: KeyState::parse(row.text(2)?).ok_or_else(|| corrupt("unknown state"))?,
            created_at: row.instant(4)?,
            activate_at: row.opt_instant(5)?,
            activated_at: row.opt_instant(6)?,
            retired_at: row.opt_instant(7)?,
            wanted_at: row.opt_instant(8)?,
            kid,
        };
        out.push(SealedKeyRow { listed, sealed: row.bytes(3)?.to_vec() });
    }
    Ok(out)
}

/// A key with its sealed form; also in a schema that is older than this program.
pub(super) fn any_sealed(tx: &mut Tx<'_, '_>) -> Result<Option<(String, Vec<u8>)>> {
    if !tx.has_table("signing_keys")? {
        return Ok(None);
    }
    let row =
        tx.row("select kid, private_key from signing_keys where state <> 'withdrawn' order by kid limit 1", &[])?;
    row.map(|row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()))).transpose()
}

/// Notes that a node wants these keys. It is no change of a key: no audit record.
pub(super) fn want(tx: &mut Tx<'_, '_>, kids: &[String], now: Instant) -> Result<()> {
    for kid in kids {
        let sql = "update signing_keys set wanted_at = ?2 where kid = ?1 and (wanted_at is null or wanted_at < ?2)";
        tx.execute(sql, &[kid.as_str().into(), now.into()])?;
    }
    Ok(())
}

/// Applies one step; `false` if it needs a key that was not generated.
pub(super) fn apply(
    tx: &mut Tx<'_, '_>,
    step: &KeyStep,
    made: &[NewKeyRow],
    actor: &Actor,
    now: Instant,
) -> Result<bool> {
    let (action, detail) = match step {
        KeyStep::Make { alg, state, activate_at } => {
            let Some(key) = made.iter().find(|k| k.alg == *alg) else { return Ok(false) };
            tx.execute(
                "insert into signing_keys (kid, alg, state, private_key, created_at, activate_at, activated_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                &[
                    key.kid.as_str().into(),
                    alg.as_str().into(),
                    state.as_str().into(),
                    key.sealed.as_slice().into(),
                    now.into(),
                    (*activate_at).into(),
                    (*state == KeyState::Current).then_some(now).into(),
                ],
            )?;
            (AuditAction::KeyMade, json!({"kid": key.kid, "alg": alg.as_str(), "state": state.as_str()}))
        }
        KeyStep::Schedule { kid, at } => {
            let sql = "update signing_keys set activate_at = ?2 where kid = ?1";
            tx.execute(sql, &[kid.as_str().into(), (*at).into()])?;
            (AuditAction::KeyScheduled, json!({"kid": kid, "activate_at": at.secs()}))
        }
        KeyStep::Retire { kid } => {
            let sql = "update signing_keys set state = 'retired', retired_at = ?2 where kid = ?1";
            tx.execute(sql, &[kid.as_str().into(), now.into()])?;
            (AuditAction::KeyRetired, json!({"kid": kid}))
        }
        KeyStep::Activate { kid } => {
            let sql = "update signing_keys set state = 'current', activated_at = ?2 where kid = ?1";
            tx.execute(sql, &[kid.as_str().into(), now.into()])?;
            (AuditAction::KeyActivated, json!({"kid": kid}))
        }
        KeyStep::Withdraw { kid } => {
            let sql = "update signing_keys set state = 'withdrawn', retired_at = ?2, private_key = ?3 where kid = ?1";
            tx.execute(sql, &[kid.as_str().into(), now.into(), Vec::<u8>::new().into()])?;
            super::receipts::withdraw(tx, kid)?;
            (AuditAction::KeyWithdrawn, json!({"kid": kid}))
        }
        KeyStep::Drop { kid } => {
            tx.execute("delete from signing_keys where kid = ?1", &[kid.as_str().into()])?;
            (AuditAction::KeyDropped, json!({"kid": kid}))
        }
    };
    note(tx, action, detail, actor, now).map(|()| true)
}

fn note(tx: &mut Tx<'_, '_>, action: AuditAction, detail: Value, actor: &Actor, now: Instant) -> Result<()> {
    audit::append(tx, &Entry { detail, ..Entry::new(now, actor.clone(), action) })
}
