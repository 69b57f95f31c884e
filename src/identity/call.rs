//! ④: the number to call, the window, the call that was seen (domain §1.6, §4).

use super::policy::Policy;
use super::{Caller, IncomingCall, Interaction, Seals, personal};
use crate::audit::{self, Actor, Entry};
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::phone::Phone;
use crate::random;
use crate::secret::Hash;
use crate::store::{Result, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

/// The number a customer is to call, and until when. Set in the transaction that confirms ③; a reload shows the same
/// (domain G10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calling {
    /// The number to call.
    #[serde(with = "personal::phone")]
    pub called: Phone,
    /// When it was given out.
    pub since: Instant,
    /// A call counts when it came no later.
    pub call_until: Instant,
    /// 確定する counts when pressed no later.
    pub confirm_until: Instant,
    /// Names the row of the register that waits for this call.
    pub serial: i64,
    /// The how many-th number of this way (domain G12, knob `call_attempts`).
    pub attempt: u32,
}

/// What ④ shows (contract §2, `call/status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// No call yet.
    Waiting,
    /// The call was seen: 確定する leads on.
    Seen,
    /// A call without its number came to this number (domain G14).
    Withheld,
    /// The window has passed.
    Expired,
}
impl CallState {
    /// The word of `call/status` and of `data-state`.
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

/// What became of a number given out, as the register has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    /// When the caller's call came.
    pub seen: Option<Instant>,
    /// Whether a withheld call came to this number in the window.
    pub withheld: bool,
}
impl Heard {
    pub(super) fn state(self, calling: &Calling, now: Instant) -> CallState {
        match self {
            _ if now > calling.confirm_until => CallState::Expired,
            Self { seen: Some(_), .. } => CallState::Seen,
            _ if now > calling.call_until + ALLOWANCE => CallState::Expired,
            Self { withheld: true, .. } => CallState::Withheld,
            _ => CallState::Waiting,
        }
    }
}
/// Between a call and its report, for the page's own words only; the register goes by the policy's.
const ALLOWANCE: Duration = Duration::from_secs(5);

/// Gives the caller a number to call, at random: never one that waits for them, nor the one they had before
/// (domain §4). `None` when two wait already: R35.
///
/// # Errors
/// The store's; so for every verb below.
pub(super) fn allocate(
    tx: &mut Tx<'_, '_>,
    seals: &Seals,
    policy: &Policy,
    i: &Interaction,
    caller: &Phone,
    attempt: u32,
    now: Instant,
) -> Result<Option<Calling>> {
    release(tx, &i.id)?;
    let index = caller_index(seals, caller);
    let sql = "select called, state, call_until from calls where caller = ?1 order by since desc limit 20";
    let rows = tx.rows(sql, &[index.into()])?;
    let mut pending = Vec::new();
    for row in &rows {
        if row.text(1)? == "waiting" && row.instant(2)? + policy.call_allowance >= now {
            pending.push(row.text(0)?);
        }
    }
    if pending.len() >= policy.pending_by_caller {
        return Ok(None);
    }
    let previous = rows.first().map(|row| row.text(0)).transpose()?;
    let free: Vec<&Phone> = policy.called_numbers.iter().filter(|n| !pending.contains(&n.as_str())).collect();
    let fresh: Vec<&Phone> = free.iter().copied().filter(|n| Some(n.as_str()) != previous).collect();
    // Configuration asks for three numbers or more; with fewer the previous one has to do.
    let choice = if fresh.is_empty() { free } else { fresh };
    let pick = random::below(&*seals.random, u32::try_from(choice.len()).unwrap_or(u32::MAX)) as usize;
    let Some(called) = choice.get(pick) else { return Ok(None) };
    let calling = Calling {
        called: (*called).clone(),
        since: now,
        call_until: now + policy.call_window,
        confirm_until: now + policy.confirm_window,
        serial: i.step,
        attempt,
    };
    tx.execute(
        "insert into calls (interaction, serial, caller, called, since, call_until, state) \
         values (?1, ?2, ?3, ?4, ?5, ?6, 'waiting')",
        &[
            i.id.as_str().into(),
            calling.serial.into(),
            index.into(),
            called.as_str().into(),
            now.into(),
            calling.call_until.into(),
        ],
    )?;
    if policy.auto_call {
        let call = IncomingCall {
            call_id: format!("auto-{}-{}", i.id.as_str(), calling.serial),
            called: Some(calling.called.clone()),
            caller: Caller::Known(caller.clone()),
            at: now,
        };
        record(tx, seals, policy, &call, now)?;
    }
    Ok(Some(calling))
}

/// What was heard of a number given out.
pub(super) fn heard(tx: &mut Tx<'_, '_>, id: &InteractionId, calling: &Calling) -> Result<Heard> {
    let sql = "select seen_at, withheld_at from calls where interaction = ?1 and serial = ?2";
    let row = tx.row(sql, &[id.as_str().into(), calling.serial.into()])?;
    row.map_or(Ok(Heard { seen: None, withheld: false }), |row| {
        Ok(Heard { seen: row.opt_instant(0)?, withheld: row.opt_instant(1)?.is_some() })
    })
}

/// Uses up the call that was seen, once: `false` when there is none.
pub(super) fn consume(tx: &mut Tx<'_, '_>, id: &InteractionId, calling: &Calling) -> Result<bool> {
    let sql = "update calls set state = 'used' where interaction = ?1 and serial = ?2 and state = 'seen'";
    Ok(tx.execute(sql, &[id.as_str().into(), calling.serial.into()])? == 1)
}

/// Stops waiting for a call: the customer went another way.
pub(super) fn release(tx: &mut Tx<'_, '_>, id: &InteractionId) -> Result<()> {
    let sql = "update calls set state = 'over' where interaction = ?1 and state in ('waiting', 'seen')";
    tx.execute(sql, &[id.as_str().into()])?;
    Ok(())
}

/// What became of a reported call; for the record only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Seen,
    Withheld,
    Repeated,
    Unmatched,
}

/// Records a reported call that arrived at `now`. It counts for the one row that waits for this pair of numbers, if
/// its own time lies in the window and it arrived at most the allowance later (contract §7).
///
/// # Errors
/// The store's.
pub fn record(tx: &mut Tx<'_, '_>, seals: &Seals, policy: &Policy, call: &IncomingCall, now: Instant) -> Result<()> {
    let fresh = "insert into call_ids (id, at) values (?1, ?2) on conflict (id) do nothing";
    let fate = if tx.execute(fresh, &[Hash::of(&call.call_id).into(), now.into()])? == 0 {
        Fate::Repeated
    } else {
        hear(tx, seals, policy, call, now)?
    };
    let (action, last4) = match (fate, &call.caller) {
        // A repeated report changes nothing, the record of it included.
        (Fate::Repeated, _) => return Ok(()),
        (Fate::Seen, _) => ("call.seen", None),
        (Fate::Withheld, _) => ("call.withheld", None),
        (Fate::Unmatched, Caller::Known(phone)) => ("call.unmatched", Some(phone.last4().to_owned())),
        (Fate::Unmatched, _) => ("call.unmatched", None),
    };
    let detail = json!({ "called": call.called.as_ref().map(Phone::as_str), "caller_last4": last4 });
    audit::append(tx, &Entry { detail, ..Entry::new(now, Actor::System, action) })
}

fn hear(tx: &mut Tx<'_, '_>, seals: &Seals, policy: &Policy, call: &IncomingCall, now: Instant) -> Result<Fate> {
    let Some(called) = &call.called else { return Ok(Fate::Unmatched) };
    // A gateway's clock shows whole seconds and may be a little behind ours, hence the allowance at the start as well.
    let window = [
        called.as_str().into(),
        call.at.into(),
        (call.at + policy.call_allowance + Duration::from_secs(1)).into(),
        (now - policy.call_allowance).into(),
        now.into(),
    ];
    let [number, at, latest_start, earliest_end, now_value] = window;
    match &call.caller {
        Caller::Known(phone) => {
            let sql = "update calls set state = 'seen', seen_at = ?2 where called = ?1 and state = 'waiting' and \
                       call_until >= ?2 and since <= ?3 and call_until >= ?4 and caller = ?5";
            let params = [number, at, latest_start, earliest_end, caller_index(seals, phone).into()];
            Ok(if tx.execute(sql, &params)? > 0 { Fate::Seen } else { Fate::Unmatched })
        }
        Caller::Withheld => {
            let sql = "update calls set withheld_at = ?5 where called = ?1 and state = 'waiting' and \
                       call_until >= ?2 and since <= ?3 and call_until >= ?4";
            let params = [number, at, latest_start, earliest_end, now_value];
            Ok(if tx.execute(sql, &params)? > 0 { Fate::Withheld } else { Fate::Unmatched })
        }
        Caller::Other => Ok(Fate::Unmatched),
    }
}
fn caller_index(seals: &Seals, phone: &Phone) -> Hash {
    seals.sealer.index("phone", phone.as_str())
}
