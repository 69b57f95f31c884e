//! The table `interactions`: one row per interaction. What the customer entered is sealed in one column.

use super::cookie::{CookieKey, LABEL, OLD_COOKIE, ROW_LIFE};
use super::{AnsweredRequest, Ending, FieldCrypto, Interaction, MY_IDLE, Message, Purpose, Stage};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::authorize;
use crate::clock::Instant;
use crate::fact::{Fact, FactKind};
use crate::id::{ClientId, InteractionId};
use crate::keys::seal::SealContext;
use crate::language::Language;
use crate::secret::{Hash, Secret};
use crate::store::{Error, Result, Row, Tx};

/// A row: the interaction, and the values its cookie is derived from.
#[derive(Debug, Clone)]
pub struct InteractionRow {
    /// The interaction.
    pub interaction: Interaction,
    nonce: Vec<u8>,
    generation: i64,
    old_cookie_until: Option<Instant>,
}
impl InteractionRow {
    /// The current cookie.
    pub(super) fn cookie(&self, key: &CookieKey) -> Secret {
        key.value(&self.interaction.id, self.generation, &self.nonce)
    }
    /// Whether the browser sent the current cookie.
    pub(super) fn is_current(&self, key: &CookieKey, shown: &Hash) -> bool {
        self.cookie(key).hash().same(shown)
    }
    /// Whether the browser with this cookie may see the interaction. After a replacement the previous value stays
    /// valid until the new one was seen, at most for [`OLD_COOKIE`].
    pub(super) fn admits(&self, key: &CookieKey, shown: &Hash, now: Instant) -> bool {
        let before = || key.value(&self.interaction.id, self.generation - 1, &self.nonce).hash();
        self.is_current(key, shown) || self.old_cookie_until.is_some_and(|until| now < until && before().same(shown))
    }
    /// Whether the browser sends the new cookie for the first time, so that the previous value can be deleted.
    pub(super) fn settles(&self, key: &CookieKey, shown: &Hash) -> bool {
        self.old_cookie_until.is_some() && self.is_current(key, shown)
    }
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "select id, client, request, nonce, generation, old_cookie_until, started, touched, step, refused, language, \
             form, unfinished, counted, recorded, sealed, renewals from interactions ",
            $tail
        )
    };
}

fn seal_context(id: &InteractionId) -> SealContext<'_> {
    SealContext { table: "interactions", column: "sealed", row: id.as_str() }
}
pub(super) fn corrupt(table: &'static str, row: &str, why: impl ToString) -> Error {
    Error::Corrupt { table, row: row.to_owned(), why: why.to_string() }
}
fn sealed(crypto: &FieldCrypto, i: &Interaction) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(&i.stage).map_err(|e| corrupt("interactions", i.id.as_str(), e))?;
    let plain = zeroize::Zeroizing::new(plain);
    crypto
        .sealer
        .seal(&*crypto.random, seal_context(&i.id), &plain)
        .map_err(|e| corrupt("interactions", i.id.as_str(), e))
}
fn form(i: &Interaction) -> Result<Option<String>> {
    let text = || serde_json::to_string(&i.errors).map_err(|e| corrupt("interactions", i.id.as_str(), e));
    (!i.errors.is_empty()).then(text).transpose()
}
fn from_row(crypto: &FieldCrypto, row: &Row) -> Result<InteractionRow> {
    let text = row.text(0)?;
    let id = InteractionId::parse(text).ok_or_else(|| corrupt("interactions", text, "its id"))?;
    let wrong = |why: &str| corrupt("interactions", text, why);
    let plain = crypto.sealer.open(seal_context(&id), row.bytes(15)?).map_err(|e| corrupt("interactions", text, e))?;
    let stage: Stage = serde_json::from_slice(&plain).map_err(|_| wrong("its stage"))?;
    let form = row.opt_text(11)?.map(serde_json::from_str).transpose().map_err(|_| wrong("its form"))?;
    let purpose = match row.opt_text(1)? {
        Some(client) => {
            let client = ClientId::parse(client).ok_or_else(|| wrong("its client"))?;
            Purpose::Link(AnsweredRequest { client, request: row.hash(2)? })
        }
        None => Purpose::My,
    };
    Ok(InteractionRow {
        interaction: Interaction {
            purpose,
            started: row.instant(6)?,
            touched: row.instant(7)?,
            step: row.int(8)?,
            refused_accounts: row.int(9)?,
            renewals: row.int(16)?,
            language: row.opt_text(10)?.and_then(Language::parse),
            errors: form.unwrap_or_default(),
            passed_customer: !row.flag(12)?,
            occupies_slot: row.flag(13)?,
            recorded: row.flag(14)?,
            ended_now: false,
            stage,
            id,
        },
        nonce: row.bytes(3)?.to_vec(),
        generation: row.int(4)?,
        old_cookie_until: row.opt_instant(5)?,
    })
}

/// Reads one interaction.
///
/// # Errors
/// [`Error::Corrupt`] if the row cannot be opened; so for every function below.
pub fn load(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, id: &InteractionId) -> Result<Option<InteractionRow>> {
    tx.row(select!("where id = ?1"), &[id.as_str().into()])?.map(|row| from_row(crypto, &row)).transpose()
}

/// The interactions whose cookie name has this label: usually one, rarely two.
pub(super) fn by_label(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, label: &str) -> Result<Vec<InteractionRow>> {
    if label.len() != LABEL {
        return Ok(Vec::new());
    }
    let rows = tx.rows(select!("where substr(id, 1, 8) = ?1 limit 4"), &[label.into()])?;
    rows.iter().map(|row| from_row(crypto, row)).collect()
}

/// Inserts a new interaction and binds it to a browser by a cookie derived from `nonce`.
pub fn insert(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, i: &Interaction, nonce: &[u8]) -> Result<InteractionRow> {
    tx.execute(
        "insert into interactions (id, client, request, nonce, generation, started, touched, step, refused, language, \
         live, unfinished, counted, recorded, sealed) \
         values (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, 1, 1, 0, 0, ?10)",
        &[
            i.id.as_str().into(),
            i.purpose.client().map(ClientId::as_str).into(),
            i.purpose.link().map(|link| link.request).into(),
            nonce.into(),
            i.started.into(),
            i.touched.into(),
            i.step.into(),
            i.refused_accounts.into(),
            i.language.map(Language::as_str).into(),
            sealed(crypto, i)?.into(),
        ],
    )?;
    let (nonce, interaction) = (nonce.to_vec(), i.clone());
    Ok(InteractionRow { interaction, nonce, generation: 0, old_cookie_until: None })
}

/// Writes an interaction's current stage. A caller that came through [`super::IdentityService::take`] holds the only good step
/// token.
///
/// # Errors
/// See [`load`].
pub fn save(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, i: &Interaction) -> Result<()> {
    tx.execute(
        "update interactions set touched = ?2, step = ?3, refused = ?4, language = ?5, form = ?6, live = ?7, \
         unfinished = ?8, counted = ?9, recorded = ?10, account = ?11, sealed = ?12 where id = ?1",
        &[
            i.id.as_str().into(),
            i.touched.into(),
            i.step.into(),
            i.refused_accounts.into(),
            i.language.map(Language::as_str).into(),
            form(i)?.into(),
            i.live().into(),
            (!i.passed_customer).into(),
            i.occupies_slot.into(),
            i.recorded.into(),
            i.account().filter(|_| i.occupies_slot).map(|a| crypto.account(a)).into(),
            sealed(crypto, i)?.into(),
        ],
    )?;
    Ok(())
}

/// Begins an interaction's time anew: the row, its cookie and its request live that much longer.
pub(super) fn renew(tx: &mut Tx<'_, '_>, i: &Interaction) -> Result<()> {
    let sql = "update interactions set started = ?2, renewals = ?3 where id = ?1";
    tx.execute(sql, &[i.id.as_str().into(), i.started.into(), i.renewals.into()])?;
    match i.purpose.link() {
        Some(link) => authorize::sql::renew(tx, link.request, i.started),
        None => Ok(()),
    }
}

/// Replaces the browser's cookie (at ③ and ⑤). The previous value stays valid until the new one was seen, at most for
/// [`OLD_COOKIE`].
pub fn rotate(tx: &mut Tx<'_, '_>, id: &InteractionId, now: Instant) -> Result<()> {
    let sql = "update interactions set generation = generation + 1, old_cookie_until = ?2 where id = ?1";
    tx.execute(sql, &[id.as_str().into(), (now + OLD_COOKIE).into()])?;
    Ok(())
}

/// Invalidates the previous cookie value, because the new one was seen.
pub fn forget_old_cookie(tx: &mut Tx<'_, '_>, id: &InteractionId) -> Result<()> {
    tx.execute("update interactions set old_cookie_until = null where id = ?1", &[id.as_str().into()])?;
    Ok(())
}

/// Ends every other live interaction of a request that has just been completed: so no customer goes on to ⑥ in vain
/// (decision 9).
/// Whoever is left out by the limit learns it there.
///
/// # Errors
/// See [`load`].
pub fn end_others(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    request: Hash,
    winner: &InteractionId,
    now: Instant,
) -> Result<()> {
    let sql = select!("where request = ?1 and live = 1 and id <> ?2 order by started limit 100");
    for row in tx.rows(sql, &[request.into(), winner.as_str().into()])? {
        end(tx, crypto, from_row(crypto, &row)?.interaction, Ending::Expired(super::Expired::Elsewhere), now)?;
    }
    Ok(())
}

/// How many interactions past ② were active since `since`, counted up to `cap` (R35).
pub(super) fn concurrent(tx: &mut Tx<'_, '_>, since: Instant, cap: i64) -> Result<i64> {
    let sql = "select count(*) from (select 1 as one from interactions where counted = 1 and touched > ?1 limit ?2) \
               as counted";
    tx.row(sql, &[since.into(), cap.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// How many slots of `identity.concurrent` the interactions of one account may occupy: so one account cannot fill the
/// service.
const PER_ACCOUNT: i64 = 3;

/// Whether one more interaction of this account may occupy a slot of `identity.concurrent`.
pub(super) fn may_occupy_slot(tx: &mut Tx<'_, '_>, account: Hash) -> Result<bool> {
    let sql = "select count(*) from (select 1 as one from interactions where account = ?1 and counted = 1 limit ?2) \
               as counted";
    let there = tx.row(sql, &[account.into(), PER_ACCOUNT.into()])?.map_or(Ok(0), |row| row.int(0))?;
    Ok(there < PER_ACCOUNT)
}

/// How many interactions are kept that have not passed ②, ended or not, counted up to `cap`.
pub(super) fn unfinished(tx: &mut Tx<'_, '_>, cap: i64) -> Result<i64> {
    let sql = "select count(*) from (select 1 as one from interactions where unfinished = 1 limit ?1) as counted";
    tx.row(sql, &[cap.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Live interactions whose time without a step, or in total, is over; for the sweep.
pub(super) fn overdue(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &super::IdentityPolicy,
    now: Instant,
    limit: i64,
) -> Result<Vec<InteractionRow>> {
    let idle = select!("where live = 1 and touched <= ?1 order by touched limit ?2");
    let late = select!("where live = 1 and started <= ?1 order by started limit ?2");
    let my = select!("where live = 1 and client is null and touched <= ?1 order by touched limit ?2");
    let longest = policy.absolute.min(super::UNFINISHED);
    let mut rows = tx.rows(idle, &[(now - policy.idle).into(), limit.into()])?;
    rows.extend(tx.rows(late, &[(now - longest).into(), limit.into()])?);
    rows.extend(tx.rows(my, &[(now - MY_IDLE).into(), limit.into()])?);
    let mut overdue: Vec<InteractionRow> = rows.iter().map(|row| from_row(crypto, row)).collect::<Result<_>>()?;
    overdue.retain(|row| row.interaction.due(policy, now).is_some());
    overdue.sort_by(|a, b| a.interaction.id.as_str().cmp(b.interaction.id.as_str()));
    overdue.dedup_by(|a, b| a.interaction.id == b.interaction.id);
    Ok(overdue)
}

/// Deletes at most `limit` rows whose cookie has ended. Returns how many. A request that a browser brought along goes with
/// its interaction: no one else knows its request_uri, so no other browser can begin with it. A pushed request whose interaction
/// began anew looks the same (`created_at` is later than `expires_at`), and several browsers may have begun with it: it stays as long
/// as one of their interactions does.
///
/// # Errors
/// See [`load`].
pub(super) fn prune(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    let ended = [(now - ROW_LIFE).into(), limit.into()];
    let sql = "delete from requests where expires_at <= created_at and id in \
               (select request from interactions where started <= ?1 order by started limit ?2) and not exists \
               (select 1 from interactions other where other.request = requests.id and other.started > ?1)";
    tx.execute(sql, &ended)?;
    let sql = "delete from interactions where id in \
               (select id from interactions where started <= ?1 order by started limit ?2)";
    tx.execute(sql, &ended)
}

/// Records one transition of the state machine (requirements.md#states), from ② on: what comes before, strangers can do
/// as often as
/// they like.
pub fn record(
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    action: AuditAction,
    account: Option<Hash>,
    detail: serde_json::Value,
    now: Instant,
) -> Result<()> {
    if !i.recorded {
        return Ok(());
    }
    let entry = Entry::new(now, Actor::Customer, action);
    audit::append(
        tx,
        &Entry { client: i.purpose.client().cloned(), interaction: Some(i.id.clone()), account, detail, ..entry },
    )
}

/// Ends an interaction, writes it and records it. The number it was given stays its own until the time of that is over.
pub fn end(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    i: Interaction,
    ending: Ending,
    now: Instant,
) -> Result<Interaction> {
    let account = i.account().map(|a| crypto.account(a));
    let from = i.stage.screen();
    let Ok(i) = i.clone().ended(ending) else { return Ok(i) };
    tx.note(Fact(FactKind::InteractionEnded, [from, why(ending)]));
    if let Some(shown) = ending.message().and_then(Message::number) {
        tx.note(Fact::of(FactKind::MessageShown, shown));
    }
    save(tx, crypto, &i)?;
    let mut detail = serde_json::json!({ "from": from, "why": why(ending) });
    if matches!(ending, Ending::Cancelled | Ending::Denied { .. }) {
        // It stands on the page, so staff must find the record by it.
        detail["reference"] = super::reference(&crypto.sealer, &i.id).into();
    }
    record(tx, &i, AuditAction::InteractionEnded, account, detail, now)?;
    Ok(i)
}
pub(super) const fn why(ending: Ending) -> &'static str {
    use super::Expired;
    match ending {
        Ending::Cancelled | Ending::Denied { .. } => "cancelled",
        Ending::Finished => "finished",
        Ending::Locked { before: false, .. } => "locked",
        Ending::Locked { before: true, .. } => "was_locked",
        Ending::Closed { .. } => "closed",
        Ending::NoAccount => "no_account",
        Ending::InvalidGrant => "invalid_grant",
        Ending::NoDays => "no_days",
        Ending::Failed => "failed",
        Ending::Busy => "busy",
        Ending::Off => "off",
        Ending::Expired(Expired::Call) => "call_expired",
        Ending::Expired(Expired::Time) => "expired",
        Ending::Expired(Expired::Elsewhere) => "superseded",
        Ending::Expired(Expired::UnknownAccounts) => "unknown_accounts",
    }
}
