//! A call that the gateway reports: whether it counts, and the record of it (docs/telephony.md#record).
//!
//! Anybody can call a number. So within an hour at most `limits.alarm_calls` calls of strangers are recorded, and as many of
//! each caller who held a number; the alarm speaks of the others.

use super::call::{CLOCKS, caller_index};
use super::policy::IdentityPolicy;
use super::service::IdentityService;
use super::sql::corrupt;
use super::{CallRegister, Caller, FieldCrypto, IncomingCall, hourly_counter};
use crate::alarm::AlarmKind;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::fact::{Fact, FactKind};
use crate::id::{ClientId, InteractionId};
use crate::phone::Phone;
use crate::secret::{Hash, base64url};
use crate::store::{Result, Row, Tx};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use std::time::Duration;

/// What became of a reported call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It counts for the interaction that holds the pair of numbers.
    Counted,
    /// It counts for none: a call from this number to that one has counted before.
    Again,
    /// It was made before the caller was given this number.
    TooEarly,
    /// It, or its report, came after the window of the number.
    TooLate,
    /// The caller was given this number, and it was free again for others.
    LeaseOver,
    /// The caller was not given this number within a day, perhaps another one.
    AnotherNumber,
    /// Withheld: every interaction that waits at the number shows it.
    Withheld,
    /// The number called is none of ours.
    NotOurs,
    /// A call with this id was reported before.
    Repeated,
}

impl Fate {
    /// The value in the log, and `result` in the record.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Again => "again",
            Self::TooEarly => "too_early",
            Self::TooLate => "too_late",
            Self::LeaseOver => "lease_over",
            Self::AnotherNumber => "another_number",
            Self::Withheld => "withheld",
            Self::NotOurs => "not_ours",
            Self::Repeated => "repeated",
        }
    }
}

/// The last lease of a pair of caller and called number, and whose it was.
pub(super) struct LastLease {
    pub(super) since: Instant,
    pub(super) free_at: Instant,
    pub(super) arrived_at: Option<Instant>,
    interaction: InteractionId,
    client: Option<ClientId>,
    account: Option<Hash>,
    caller: Hash,
}

impl LastLease {
    fn from_row(row: &Row, caller: Hash) -> Result<Self> {
        let id = row.text(3)?;
        Ok(Self {
            since: row.instant(0)?,
            free_at: row.instant(1)?,
            arrived_at: row.opt_instant(2)?,
            interaction: InteractionId::parse(id).ok_or_else(|| corrupt("call_leases", id, "its interaction"))?,
            client: row.opt_text(4)?.and_then(ClientId::parse),
            account: row.opt_bytes(5)?.is_some().then(|| row.hash(5)).transpose()?,
            caller,
        })
    }
}

/// Why a call made at `at` does not count for the lease of its pair of numbers.
pub(super) fn why_not(since: Instant, free_at: Instant, seen: bool, at: Instant) -> Fate {
    match at {
        _ if at + CLOCKS < since => Fate::TooEarly,
        _ if at >= free_at => Fate::LeaseOver,
        _ if seen => Fate::Again,
        _ => Fate::TooLate,
    }
}

/// Records a reported call that arrived at `now`. The call counts for the one interaction that holds this pair of
/// numbers, if its own time is in the window and the report arrived within the allowance (G11). Returns what became
/// of the call, and how many calls of this hour did not count.
pub(super) fn record(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    call: &IncomingCall,
    now: Instant,
) -> Result<(Fate, i64)> {
    let (fate, others) = record_fate(tx, crypto, policy, call, now)?;
    tx.note(Fact::of(FactKind::CallReported, fate.as_str()));
    Ok((fate, others))
}
fn record_fate(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    call: &IncomingCall,
    now: Instant,
) -> Result<(Fate, i64)> {
    let fresh = "insert into call_ids (id, at) values (?1, ?2) on conflict (id) do nothing";
    if tx.execute(fresh, &[Hash::of(&call.call_id).into(), now.into()])? == 0 {
        return Ok((Fate::Repeated, 0));
    }
    let (fate, lease) = judge(tx, crypto, policy, call, now)?;
    let (mut others, mut recorded) = (0, fate != Fate::NotOurs);
    if fate != Fate::Counted {
        others = hourly_counter::add(tx, crypto.sealer.index("other calls", ""), now)?;
        let own = lease.as_ref().map(|l| crypto.sealer.index("calls by caller", &base64url(l.caller.as_bytes())));
        let of_hour = own.map_or(Ok(others), |name| hourly_counter::add(tx, name, now))?;
        recorded &= of_hour <= policy.alarms.other_calls;
    }
    if recorded {
        let action = if fate == Fate::Counted { AuditAction::CallSeen } else { AuditAction::CallNotCounted };
        let called = call.called.as_ref().map(Phone::as_str);
        let detail = json!({ "called": called, "called_at": call.at.rfc3339(), "result": fate.as_str() });
        let mut entry = Entry { detail, ..Entry::new(now, Actor::System, action) };
        if let Some(LastLease { interaction, client, account, .. }) = lease {
            entry = Entry { interaction: Some(interaction), client, account, ..entry };
        }
        audit::append(tx, &entry)?;
    }
    Ok((fate, others))
}

fn judge(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    call: &IncomingCall,
    now: Instant,
) -> Result<(Fate, Option<LastLease>)> {
    let Some(called) = call.called.as_ref().filter(|n| policy.called_numbers.contains(n)) else {
        return Ok((Fate::NotOurs, None));
    };
    let phone = match &call.caller {
        Caller::Known(phone) => phone,
        Caller::Withheld => {
            let sql = "insert into withheld_calls (called, at) values (?1, ?2) on conflict do nothing";
            tx.execute(sql, &[called.as_str().into(), call.at.into()])?;
            return Ok((Fate::Withheld, None));
        }
        Caller::Other => return Ok((Fate::AnotherNumber, None)),
    };
    let caller = caller_index(crypto, phone);
    let sql = "update call_leases set seen_at = ?3 where caller = ?1 and called = ?2 and seen_at is null \
               and call_until >= ?3 and since <= ?4 and call_until >= ?5";
    let params = [
        caller.into(),
        called.as_str().into(),
        call.at.into(),
        (call.at + CLOCKS).into(),
        (now - policy.call_allowance).into(),
    ];
    let counts = tx.execute(sql, &params)? == 1;
    let sql = "select since, free_at, seen_at, interaction, client, account from call_leases \
               where caller = ?1 and called = ?2 and free_at > ?3";
    let held = tx.row(sql, &[caller.into(), called.as_str().into(), (now - KNOWN_FOR).into()])?;
    let Some(lease) = held.map(|row| LastLease::from_row(&row, caller)).transpose()? else {
        // Who dials an old or a mistyped number of ours: the record names the interaction whose number they should have called.
        let sql = "select since, free_at, seen_at, interaction, client, account from call_leases \
                   where caller = ?1 and free_at > ?2 order by since desc limit 1";
        let other = tx.row(sql, &[caller.into(), (now - KNOWN_FOR).into()])?;
        return Ok((Fate::AnotherNumber, other.map(|row| LastLease::from_row(&row, caller)).transpose()?));
    };
    let fate =
        if counts { Fate::Counted } else { why_not(lease.since, lease.free_at, lease.arrived_at.is_some(), call.at) };
    Ok((fate, Some(lease)))
}
/// How long after its end a lease says whose call it was.
const KNOWN_FOR: Duration = Duration::from_hours(24);

impl CallRegister for IdentityService {
    fn report(&self, call: IncomingCall, now: Instant) -> BoxFuture<'_, Result<()>> {
        let service = self.clone();
        let work = move |tx: &mut Tx<'_, '_>| record(tx, &service.crypto, &service.policy, &call, now);
        async move {
            let (fate, others) = self.store.write(work).await?;
            tracing::info!(fate = fate.as_str(), "a call was reported");
            if others >= self.policy.alarms.other_calls {
                self.alarm(AlarmKind::OtherCalls, json!({ "within_the_hour": others }), now).await;
            }
            Ok(())
        }
        .boxed()
    }
}
