//! Alarms: what an operator should look at now, although every request was answered correctly.
//!
//! An alarm is a WARN line with `event: "alarm"` and a `kind` of the list below, at most one a minute for each kind and
//! node. It is also an audit record, one an hour for each kind, from whichever node raises it first.
//! `docs/operations.md` explains each kind and what to do.

use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::store::{Result, Store, Tx};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// The kind of an alarm.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AlarmKind { $($(#[$doc])* $name),+ }
        impl AlarmKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),+];
            /// Its name in the log, in the audit record and in `docs/operations.md`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}
kinds! {
    /// A network began as many interactions as `limits.starts` allows.
    StartsByNetwork = "starts_by_network";
    /// `identity.unfinished` is reached: nobody can begin.
    Unfinished = "unfinished";
    /// A network reached a limit at ②.
    CustomersByNetwork = "customers_by_network";
    /// One app's customers got many R30 within an hour.
    UnknownAccountsByApp = "unknown_accounts_by_app";
    /// Many accounts were locked within an hour.
    Locks = "locks";
    /// One caller got many telephone numbers within an hour.
    NumbersByCaller = "numbers_by_caller";
    /// No telephone number was free for a caller.
    NoNumber = "no_number";
    /// Many calls with a withheld number, or without a match, within an hour.
    OtherCalls = "other_calls";
    /// R35 was shown: `identity.concurrent` is reached, or the core bank was not asked in time.
    Busy = "busy";
    /// A client got 429 (`limits.pushed_requests`, `limits.answers_per_second`).
    ClientOverLimit = "client_over_limit";
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: i64 = 3_600_000;
/// No alarm yet.
const NEVER: i64 = i64::MIN;

/// The last alarms of this node.
pub struct Alarms {
    lines: Vec<AtomicI64>,
    hours: Vec<AtomicI64>,
    counts: Vec<AtomicU64>,
}
impl Default for Alarms {
    fn default() -> Self {
        let never = || AlarmKind::ALL.iter().map(|_| AtomicI64::new(NEVER)).collect();
        let counts = AlarmKind::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Self { lines: never(), hours: never(), counts }
    }
}

impl Alarms {
    /// How often this kind was raised on this node.
    #[must_use]
    pub fn count(&self, kind: AlarmKind) -> u64 {
        self.counts[kind as usize].load(Ordering::Relaxed)
    }
    /// Raises an alarm. `detail` must not contain personal data or secrets. Call it outside a transaction.
    pub async fn raise(&self, store: &Store, kind: AlarmKind, detail: Value, now: Instant) {
        let place = kind as usize;
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        if first_since(&self.lines[place], now.millis(), i64::try_from(MINUTE.as_millis()).unwrap_or(i64::MAX)) {
            tracing::warn!(event = "alarm", kind = kind.as_str(), %detail);
        }
        // The hour of the clock, so that it is the same for every node.
        let hour = now.millis() - now.millis().rem_euclid(HOUR);
        if first_since(&self.hours[place], hour, 1)
            && let Err(cause) = store.write(move |tx| record(tx, kind, &detail, now)).await
        {
            tracing::error!(%cause, kind = kind.as_str(), "an alarm could not be recorded");
        }
    }
}

/// Whether the last success is at least `pause` before `now`; then stores `now` as the last success.
fn first_since(last: &AtomicI64, now: i64, pause: i64) -> bool {
    let due = |then| (then == NEVER || now.saturating_sub(then) >= pause).then_some(now);
    last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
}

fn record(tx: &mut Tx<'_, '_>, kind: AlarmKind, detail: &Value, now: Instant) -> Result<()> {
    let sql = "insert into alarms (kind, hour) values (?1, ?2) on conflict do nothing";
    if tx.execute(sql, &[kind.as_str().into(), (now.millis() / HOUR).into()])? == 0 {
        return Ok(());
    }
    let detail = json!({ "kind": kind.as_str(), "detail": detail });
    audit::append(tx, &Entry { detail, ..Entry::new(now, Actor::System, AuditAction::AlarmRaised) })
}

/// Housekeeping: deletes at most `limit` hours that are over.
pub fn prune(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    let sql = "delete from alarms where (kind, hour) in (select kind, hour from alarms where hour < ?1 limit ?2)";
    tx.execute(sql, &[(now.millis() / HOUR - 2).into(), limit.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_stands_in_the_operators_list_and_no_other() {
        let text = include_str!("../../docs/operations.md");
        let list = text.split("## Alarms").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = list.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next());
        let known: BTreeSet<&str> = AlarmKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(rows.collect::<BTreeSet<_>>(), known);
    }

    #[tokio::test]
    async fn one_line_a_minute_and_one_record_an_hour_for_each_kind_on_all_nodes() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&dir.path().join("renkei.db")).unwrap();
        let (one, other) = (Alarms::default(), Alarms::default());
        let noon = Instant::from_secs(1_795_485_600);
        let recorded = async || {
            let rows = store.read(|tx| tx.rows("select action from audit where action = 'alarm.raised'", &[])).await;
            rows.unwrap().len()
        };
        for (second, kind, wanted) in [
            (0, AlarmKind::Locks, 1),
            (1, AlarmKind::Locks, 1),
            (2, AlarmKind::Busy, 2),
            (3_599, AlarmKind::Locks, 2),
            (3_600, AlarmKind::Locks, 3),
        ] {
            for node in [&one, &other] {
                node.raise(&store, kind, json!({}), noon + Duration::from_secs(second)).await;
            }
            assert_eq!(recorded().await, wanted, "{kind:?} at second {second}");
        }
        let mut said = Vec::new();
        let last = AtomicI64::new(NEVER);
        for second in [0, 1, 59, 60, 61, 119, 120] {
            if first_since(&last, second * 1000, 60_000) {
                said.push(second);
            }
        }
        assert_eq!(said, [0, 60, 120]);
    }
}
