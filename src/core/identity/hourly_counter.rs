//! How often something happened within the hour, on all nodes together, by a keyed name. These counts raise alarms; they
//! refuse nobody.

use crate::clock::Instant;
use crate::secret::Hash;
use crate::store::{Result, Tx};

const HOUR: i64 = 3_600_000;

/// Counts one more; returns how many there were in this hour.
pub(super) fn add(tx: &mut Tx<'_, '_>, name: Hash, now: Instant) -> Result<i64> {
    let row = tx.row(
        "insert into tallies (name, hour, n) values (?1, ?2, 1) \
         on conflict (name, hour) do update set n = tallies.n + 1 returning n",
        &[name.into(), (now.millis() / HOUR).into()],
    )?;
    row.map_or(Ok(0), |row| row.int(0))
}
