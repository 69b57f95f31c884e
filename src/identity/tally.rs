//! How often something happened within the hour, by a keyed name: the brake on sweeps for accounts (domain G3).

use crate::clock::Instant;
use crate::secret::Hash;
use crate::store::{Result, Tx};

const HOUR: i64 = 3_600_000;

/// Counts one more.
///
/// # Errors
/// The store's.
pub(super) fn add(tx: &mut Tx<'_, '_>, name: Hash, now: Instant) -> Result<()> {
    tx.execute(
        "insert into tallies (name, hour, n) values (?1, ?2, 1) on conflict (name, hour) do update set n = tallies.n + 1",
        &[name.into(), (now.millis() / HOUR).into()],
    )?;
    Ok(())
}

/// How many there were in this hour.
///
/// # Errors
/// The store's.
pub(super) fn count(tx: &mut Tx<'_, '_>, name: Hash, now: Instant) -> Result<i64> {
    let sql = "select n from tallies where name = ?1 and hour = ?2";
    tx.row(sql, &[name.into(), (now.millis() / HOUR).into()])?.map_or(Ok(0), |row| row.int(0))
}
