//! A copy of a store that is in use. It is made in small parts with rests between them, so that nobody who asks the server has to wait
//! for it.

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::ffi::c_int;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

/// Pages of a part: half a megabyte.
const PART: c_int = 128;
/// How many times as long as a part the rest after it is.
const REST: u32 = 4;

/// Copies what `from` holds at this moment into the file `to`. `None` if `is_over` says that nobody wants it any more.
pub(super) fn copy(from: &Connection, to: &Path, is_over: impl Fn() -> bool) -> rusqlite::Result<Option<StepResult>> {
    // Without a read transaction that stays open, each commit would make the copy begin anew.
    from.execute_batch("begin")?;
    from.query_row("select count(*) from sqlite_master", [], |_| Ok(()))?;
    let mut copy = Connection::open(to)?;
    let file = File::options().write(true).open(to).ok();
    let end = {
        let parts = Backup::new(from, &mut copy)?;
        loop {
            let begun = Instant::now();
            match parts.step(PART)? {
                StepResult::More if is_over() => return Ok(None),
                StepResult::More => {}
                end => break end,
            }
            // Otherwise the disk would get everything at once, and every commit of the server would wait for it.
            let _ = file.as_ref().map(File::sync_data);
            std::thread::sleep(begun.elapsed() * REST);
        }
    };
    // One file, without a log.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(Some(end))
}
