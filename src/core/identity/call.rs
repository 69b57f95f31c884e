//! ④: the number to call, and the time window (R50–R57, docs/telephony.md). `lease.rs` decides which number is given out,
//! `reported_call.rs` what becomes of a call.

use super::lease::{self, Asking, CallerNumbers, Lease, NumberChoice, RESERVED_FOR, Wait};
use super::policy::IdentityPolicy;
use super::sql::corrupt;
use super::{FieldCrypto, Interaction, hourly_counter, personal};
use crate::clock::Instant;
use crate::id::{ClientId, InteractionId};
use crate::phone::Phone;
use crate::random;
use crate::secret::{Hash, base64url};
use crate::store::{Result, Row, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The number a customer is to call, and until when. It is set in the transaction that confirms ③; a reload shows the
/// same number (G10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calling {
    /// The number to call.
    #[serde(with = "personal::phone")]
    pub called: Phone,
    /// When it was given out.
    pub since: Instant,
    /// The last moment at which a call counts.
    pub call_until: Instant,
    /// The last moment at which 確定する counts.
    pub confirm_until: Instant,
    /// Distinguishes this number from those given earlier to the same interaction.
    pub serial: i64,
    /// Which attempt of this interaction it is, from 1 (G12, `telephony.call_attempts`).
    pub attempt: u32,
}

/// What ④ shows (`call/status`, requirements.md#forms).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// No call yet.
    Waiting,
    /// The call was reported: 確定する leads on.
    Seen,
    /// A call without caller number came to this number (G14).
    Withheld,
    /// The window has passed.
    Expired,
}
impl CallState {
    /// The value in `call/status` and in `data-state`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Seen => "seen",
            Self::Withheld => "withheld",
            Self::Expired => "expired",
        }
    }
}

/// What is known about a number that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallRecord {
    /// When the caller's call came.
    pub arrived_at: Option<Instant>,
    /// Whether a call without caller number came to this number in the window.
    pub withheld: bool,
}
impl CallRecord {
    /// Whether ④ asks if the call comes from the registered telephone.
    pub(super) fn asks(self, calling: &Calling, now: Instant) -> bool {
        self.arrived_at.is_none() && now.since(calling.since) >= ASKS_AFTER
    }
    /// `allowance`: how much later than its own time a call may still be reported.
    pub(super) fn state(self, calling: &Calling, allowance: Duration, now: Instant) -> CallState {
        match self {
            _ if now > calling.confirm_until => CallState::Expired,
            Self { arrived_at: Some(_), .. } => CallState::Seen,
            _ if now > calling.call_until + allowance => CallState::Expired,
            Self { withheld: true, .. } => CallState::Withheld,
            _ => CallState::Waiting,
        }
    }
}
/// How long after a number was given out ④ asks, if no call has come, whether it comes from the registered telephone.
pub const ASKS_AFTER: Duration = Duration::from_secs(30);
/// A gateway's clock shows whole seconds and may be a little slow.
pub(super) const CLOCKS: Duration = Duration::from_secs(1);

/// The result of asking for a number.
pub(super) enum Given {
    /// This one.
    Number(Calling),
    /// There is none before this moment.
    NotBefore(Instant),
}

/// Gives the caller of an interaction a number to call. Also returns how many numbers this caller got within the
/// hour.
pub(super) fn give(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    i: &Interaction,
    (caller, network): (&Phone, &str),
    attempt: u32,
    now: Instant,
) -> Result<(Given, i64)> {
    let calling = |called: &Phone| Calling {
        called: called.clone(),
        since: now,
        call_until: now + policy.call_window,
        confirm_until: now + policy.confirm_window,
        serial: i.step,
        attempt,
    };
    if policy.auto_call {
        // A program posts the screens and nobody calls, so there are no calls to keep apart.
        let first = policy.called_numbers.first().map(calling);
        return Ok((first.map_or(Given::NotBefore(now), Given::Number), 0));
    }
    let (caller, network) = (caller_index(crypto, caller), crypto.sealer.index("network", network));
    let (leases, waits) = (leases(tx, caller)?, waits(tx, caller, now)?);
    let pool: Vec<String> = policy.called_numbers.iter().map(|n| n.as_str().to_owned()).collect();
    let asking = Asking { interaction: &i.id, network, by_network: policy.by_network };
    let known = CallerNumbers { pool: &pool, leases: &leases, waits: &waits };
    let choice = match lease::choose(asking, known, now) {
        NumberChoice::OneOf(mut numbers) => {
            // The next number must not be predictable (R54).
            shuffle(crypto, &mut numbers);
            lease::rank(asking, known, &mut numbers, now);
            numbers
        }
        NumberChoice::NotBefore { at, called } => {
            wait(tx, caller, i, network, called, at, now)?;
            return Ok((Given::NotBefore(at), 0));
        }
        NumberChoice::Never => return Ok((Given::NotBefore(now + RESERVED_FOR), 0)),
    };
    for number in choice {
        let Some(called) = policy.called_numbers.iter().find(|n| n.as_str() == number) else { continue };
        let calling = calling(called);
        let account = i.account().map(|a| crypto.account(a));
        if take(tx, (caller, network, account), i, &calling, policy.rest)? {
            let sql = "delete from call_waits where caller = ?1 and interaction = ?2";
            tx.execute(sql, &[caller.into(), i.id.as_str().into()])?;
            let name = crypto.sealer.index("numbers by caller", &base64url(caller.as_bytes()));
            return Ok((Given::Number(calling), hourly_counter::add(tx, name, now)?));
        }
    }
    Ok((Given::NotBefore(now + RESERVED_FOR), 0))
}

fn shuffle(crypto: &FieldCrypto, numbers: &mut [&str]) {
    for i in (1..numbers.len()).rev() {
        let below = u32::try_from(i + 1).unwrap_or(u32::MAX);
        numbers.swap(i, random::below(&*crypto.random, below) as usize);
    }
}

/// Leases a pair of caller and called number, unless another interaction holds it.
fn take(
    tx: &mut Tx<'_, '_>,
    (caller, network, account): (Hash, Hash, Option<Hash>),
    i: &Interaction,
    calling: &Calling,
    rest: Duration,
) -> Result<bool> {
    let free_at = calling.confirm_until.max(calling.call_until) + rest;
    let rows = tx.execute(
        "insert into call_leases (caller, called, network, interaction, serial, since, call_until, free_at, client, account) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on conflict (caller, called) do update set \
         network = excluded.network, interaction = excluded.interaction, serial = excluded.serial, \
         since = excluded.since, call_until = excluded.call_until, free_at = excluded.free_at, seen_at = null, \
         client = excluded.client, account = excluded.account where call_leases.free_at <= ?6",
        &[
            caller.into(),
            calling.called.as_str().into(),
            network.into(),
            i.id.as_str().into(),
            calling.serial.into(),
            calling.since.into(),
            calling.call_until.into(),
            free_at.into(),
            i.purpose.client().map(ClientId::as_str).into(),
            account.into(),
        ],
    )?;
    Ok(rows == 1)
}

/// Upper bound of rows to read; no pool has that many numbers.
const MOST: i64 = 256;

fn leases(tx: &mut Tx<'_, '_>, caller: Hash) -> Result<Vec<Lease>> {
    let sql = "select called, network, since, free_at from call_leases where caller = ?1 limit ?2";
    let read = |row: &Row| {
        let (called, network) = (row.text(0)?.to_owned(), row.hash(1)?);
        Ok(Lease { called, network, since: row.instant(2)?, free_at: row.instant(3)? })
    };
    tx.rows(sql, &[caller.into(), MOST.into()])?.iter().map(read).collect()
}

/// The interactions that wait for a number, the longest wait first.
fn waits(tx: &mut Tx<'_, '_>, caller: Hash, now: Instant) -> Result<Vec<Wait>> {
    let sql = "select interaction, network, called, at from call_waits where caller = ?1 and at > ?2 \
               order by since, interaction limit ?3";
    let read = |row: &Row| {
        let id = row.text(0)?;
        let interaction = InteractionId::parse(id).ok_or_else(|| corrupt("call_waits", id, "its interaction"))?;
        let (network, called) = (row.hash(1)?, row.opt_text(2)?.map(str::to_owned));
        Ok(Wait { interaction, network, called, at: row.instant(3)? })
    };
    tx.rows(sql, &[caller.into(), (now - RESERVED_FOR).into(), MOST.into()])?.iter().map(read).collect()
}

/// Notes that an interaction waits for a number that is free at `at`. The start of its wait does not change.
fn wait(
    tx: &mut Tx<'_, '_>,
    caller: Hash,
    i: &Interaction,
    network: Hash,
    called: Option<&str>,
    at: Instant,
    now: Instant,
) -> Result<()> {
    tx.execute(
        "insert into call_waits (caller, interaction, network, since, called, at) values (?1, ?2, ?3, ?4, ?5, ?6) \
         on conflict (caller, interaction) do update set network = excluded.network, called = excluded.called, \
         at = excluded.at",
        &[caller.into(), i.id.as_str().into(), network.into(), now.into(), called.map(str::to_owned).into(), at.into()],
    )?;
    Ok(())
}

/// What is known about the number an interaction was given.
pub(super) fn load_call_record(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    (id, caller): (&InteractionId, &Phone),
    calling: &Calling,
) -> Result<CallRecord> {
    if policy.auto_call {
        return Ok(CallRecord { arrived_at: Some(calling.since), withheld: false });
    }
    let sql = "select seen_at from call_leases where caller = ?1 and called = ?2 and interaction = ?3 and serial = ?4";
    let called = calling.called.as_str();
    let params = [caller_index(crypto, caller).into(), called.into(), id.as_str().into(), calling.serial.into()];
    let seen = tx.row(sql, &params)?.map_or(Ok(None), |row| row.opt_instant(0))?;
    let sql = "select at from withheld_calls where called = ?1 and at >= ?2 and at <= ?3 limit 1";
    let params = [called.into(), (calling.since - CLOCKS).into(), calling.call_until.into()];
    Ok(CallRecord { arrived_at: seen, withheld: seen.is_none() && tx.row(sql, &params)?.is_some() })
}

/// 確定する has used the call: the number rests, then it can be given out again.
pub(super) fn use_up(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    (id, caller): (&InteractionId, &Phone),
    calling: &Calling,
    now: Instant,
) -> Result<bool> {
    if policy.auto_call {
        return Ok(true);
    }
    let sql = "update call_leases set free_at = ?5 where caller = ?1 and called = ?2 \
               and interaction = ?3 and serial = ?4 and seen_at is not null";
    let params = [
        caller_index(crypto, caller).into(),
        calling.called.as_str().into(),
        id.as_str().into(),
        calling.serial.into(),
        (now + policy.rest).into(),
    ];
    Ok(tx.execute(sql, &params)? == 1)
}

pub(super) fn caller_index(crypto: &FieldCrypto, phone: &Phone) -> Hash {
    crypto.sealer.index("phone", phone.as_str())
}
