//! The files by which a demo's data folder is known, and by which its clock goes on where it stopped.

use std::io;
use std::path::Path;
use std::time::Duration;

/// The file by which a demo recognises its own data folder. `serve` refuses a folder with this file: its data is
/// invented and sealed with a key that was not kept secret.
pub const DEMO_MARK: &str = "demo.mark";
/// The file that says by how many milliseconds a demo's clock is ahead of the machine's.
pub const DEMO_CLOCK: &str = "demo.clock";

/// By how much the clock of the demo in this folder is ahead of the machine's.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn demo_ahead(folder: &Path) -> io::Result<Duration> {
    match std::fs::read_to_string(folder.join(DEMO_CLOCK)) {
        Ok(text) => text.trim().parse().map(Duration::from_millis).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Duration::ZERO),
        Err(error) => Err(error),
    }
}
