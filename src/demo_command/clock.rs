//! The demo's clock, which all its parts share: the machine's, and the days by which somebody moved it forward.

use renkei_core::clock::{Clock, Instant};
use renkei_server::process::{DEMO_CLOCK, demo_ahead};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// The clock. It never goes back: a demo that is started again in its folder goes on where it stopped.
pub(super) struct DemoClock {
    machine: Arc<dyn Clock>,
    ahead: Mutex<Duration>,
    /// The latest moment that somebody was given.
    latest: AtomicI64,
    file: PathBuf,
}

impl DemoClock {
    /// The clock of the demo in this folder.
    ///
    /// # Errors
    /// The folder's file about the clock cannot be read.
    pub(super) fn open(machine: Arc<dyn Clock>, folder: &Path) -> io::Result<Self> {
        let ahead = Mutex::new(demo_ahead(folder)?);
        Ok(Self { machine, ahead, latest: AtomicI64::new(i64::MIN), file: folder.join(DEMO_CLOCK) })
    }

    /// Moves it forward by exactly a day. After as many days as a link lasts its end has come: that is a whole minute, at most
    /// so many days after ⑥ was shown.
    ///
    /// # Errors
    /// The move cannot be written down; then the clock has not moved.
    pub(super) fn next_day(&self) -> io::Result<()> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = *ahead + DAY;
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, moved.as_millis().to_string())?;
        std::fs::rename(&fresh, &self.file)?;
        *ahead = moved;
        Ok(())
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Instant {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.machine.now() + ahead).millis();
        Instant::from_millis(self.latest.fetch_max(now, Ordering::SeqCst).max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renkei_core::clock::ManualClock;

    #[test]
    fn it_goes_forward_by_days_and_never_back() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let begin = Instant::from_secs(1_795_310_120);
        let machine = Arc::new(ManualClock::at(begin));
        let clock = DemoClock::open(machine.clone(), folder.path())?;
        assert_eq!(clock.now(), begin);
        for day in 1..=30 {
            machine.advance(Duration::from_secs(1));
            let before = clock.now();
            clock.next_day()?;
            assert_eq!(clock.now(), before + DAY);
            assert!(clock.now() >= (begin + DAY * day).floor_minute(), "what ends at a whole minute has ended");
        }
        let late = clock.now();
        machine.set(begin);
        assert_eq!(clock.now(), late, "the machine's clock was set back");
        machine.advance(Duration::from_mins(1));
        let next = DemoClock::open(machine, folder.path())?;
        assert!(next.now() > late, "started again in its folder");
        std::fs::write(folder.path().join(DEMO_CLOCK), "yesterday")?;
        assert!(DemoClock::open(Arc::new(ManualClock::at(begin)), folder.path()).is_err());
        Ok(())
    }
}
