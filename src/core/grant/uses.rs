//! When a link was last used: when a resource server of its audience last asked about one of its valid tokens.
//!
//! Introspection writes nothing to the store. It notes the use here, in memory, and a job writes what was noted, once a minute by
//! default. So a thousand questions about a link are one write. A process that is killed loses what it has noted since its last
//! write; one that stops writes first. Uses are kept as whole minutes.

use crate::authorize::Permission;
use crate::clock::Instant;
use crate::id::GrantId;
use crate::store::{Error, Result, Store, Tx};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most links that are noted between two writes: about 10 MB. Those beyond are not noted until the next write.
const MOST: usize = 100_000;
/// How many rows one transaction writes.
const BATCH: usize = 500;

/// The uses of one link since the last write: of the whole link, and of each permission.
type Noted = [Option<Instant>; 1 + Permission::ALL.len()];

const fn slot(served: Option<Permission>) -> usize {
    match served {
        None => 0,
        Some(Permission::Balances) => 1,
        Some(Permission::Transactions) => 2,
    }
}
const SERVED: [Option<Permission>; 1 + Permission::ALL.len()] =
    [None, Some(Permission::Balances), Some(Permission::Transactions)];

/// A use that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LinkUse {
    grant: GrantId,
    /// What was served; `None` for the whole link.
    served: Option<Permission>,
    at: Instant,
}

/// The minutes for which the uses of one token were noted last, in milliseconds.
#[derive(Debug, Default)]
pub struct LastNoted([AtomicI64; SERVED.len()]);

/// The uses that were noted and not yet written.
#[derive(Debug)]
pub struct NotedUses {
    noted: Mutex<HashMap<GrantId, Noted>>,
    most: usize,
    /// Uses that found no room.
    missed: AtomicU64,
}
impl Default for NotedUses {
    fn default() -> Self {
        Self::with_room(MOST)
    }
}

impl NotedUses {
    /// Room for this many links.
    #[must_use]
    pub fn with_room(most: usize) -> Self {
        Self { noted: Mutex::default(), most, missed: AtomicU64::default() }
    }

    /// Notes that a resource server asked about a valid token of the grant at `now`. `served` is what it serves; `None` counts for the
    /// whole link. `last` is the token's own: a further use within the same minute takes no lock.
    pub fn note(&self, (grant, last): (&GrantId, &LastNoted), served: Option<Permission>, now: Instant) {
        let (at, last) = (now.floor_minute(), &last.0[slot(served)]);
        if last.load(Ordering::Relaxed) == at.millis() {
            return;
        }
        if self.merge(grant, served, at) {
            last.store(at.millis(), Ordering::Relaxed);
        } else {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The lock is held for one look-up, and an insert where the link was not used since the last write. `false` if there is no room
    /// for a further link.
    fn merge(&self, grant: &GrantId, served: Option<Permission>, at: Instant) -> bool {
        let mut noted = self.lock();
        if let Some(known) = noted.get_mut(grant) {
            let last = &mut known[slot(served)];
            *last = (*last).max(Some(at));
            return true;
        }
        if noted.len() >= self.most {
            return false;
        }
        let mut first = Noted::default();
        first[slot(served)] = Some(at);
        noted.insert(grant.clone(), first);
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<GrantId, Noted>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was noted, in the order in which every node writes it.
    fn take(&self) -> Vec<LinkUse> {
        let noted = std::mem::take(&mut *self.lock());
        let uses = noted.into_iter().flat_map(|(grant, noted)| {
            let known = SERVED.into_iter().zip(noted);
            known.filter_map(move |(served, at)| at.map(|at| LinkUse { grant: grant.clone(), served, at }))
        });
        let mut uses: Vec<LinkUse> = uses.collect();
        uses.sort_by(|a, b| (&a.grant, a.served).cmp(&(&b.grant, b.served)));
        uses
    }

    /// Writes what was noted. Returns how many rows were written.
    ///
    /// # Errors
    /// The store failed; what was not written stays noted.
    pub async fn flush(&self, store: &Store) -> Result<u64> {
        let mut uses = self.take();
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            tracing::warn!(missed, "more links were used than are noted at once; these uses are not written");
        }
        let mut written = 0;
        while !uses.is_empty() {
            let batch: Vec<LinkUse> = uses.drain(..uses.len().min(BATCH)).collect();
            let work = {
                let batch = batch.clone();
                move |tx: &mut Tx<'_, '_>| write(tx, &batch)
            };
            match store.write(work).await {
                Ok(rows) => written += rows,
                Err(cause) => {
                    for one in batch.iter().chain(&uses) {
                        self.merge(&one.grant, one.served, one.at);
                    }
                    return Err(cause);
                }
            }
        }
        Ok(written)
    }
}

/// A grant that is gone has no row, and a use never moves back. Returns how many rows changed.
fn write(tx: &mut Tx<'_, '_>, uses: &[LinkUse]) -> Result<u64> {
    let mut written = 0;
    for one in uses {
        written += tx.execute(
            "insert into grant_uses (grant_id, permission, last_at) select g.id, ?2, ?3 from grants g where g.id = ?1 \
             on conflict (grant_id, permission) do update set last_at = excluded.last_at \
             where grant_uses.last_at < excluded.last_at",
            &[one.grant.as_str().into(), one.served.map_or("", Permission::as_str).into(), one.at.into()],
        )?;
    }
    Ok(written)
}

/// When a link was last used, in whole minutes: for staff and the record. The customer's own page shows days only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUse {
    /// For anything.
    pub at: Instant,
    /// For balances, where the resource server said so.
    pub balances: Option<Instant>,
    /// For transactions, where the resource server said so.
    pub transactions: Option<Instant>,
}

/// The last use of a grant, as far as it is written; `None` if there was none.
pub fn last_use(tx: &mut Tx<'_, '_>, grant: &GrantId) -> Result<Option<LastUse>> {
    let rows =
        tx.rows("select permission, last_at from grant_uses where grant_id = ?1 limit 3", &[grant.as_str().into()])?;
    let mut known = Noted::default();
    for row in &rows {
        let served = match row.text(0)? {
            "" => None,
            name => {
                let corrupt =
                    || Error::Corrupt { table: "grant_uses", row: grant.to_string(), why: "permission".into() };
                Some(Permission::parse(name).ok_or_else(corrupt)?)
            }
        };
        known[slot(served)] = Some(row.instant(1)?);
    }
    let [_, balances, transactions] = known;
    Ok(known.into_iter().flatten().max().map(|at| LastUse { at, balances, transactions }))
}
