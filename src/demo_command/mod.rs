//! The commands that start what `renkei-demo` holds: `renkei demo` (everything on this machine), `renkei sample-api` (the
//! account API beside a server in test mode), and the sample bank of `bank.kind = "sample"`.
//!
//! The one place that uses both the server and the demonstration, and all it does is to join them: the demonstration's
//! programs take addresses, names and secrets as plain text, a clock and a source of randomness.

mod clock;
mod demo;
mod folder;
mod locked;
mod run;
mod sample_api;
mod settings;
mod standalone_api;

use chrono::{DateTime, Utc};
use renkei_core::clock::{Clock, Instant};
use renkei_core::random::Random;
use renkei_core::secret::{Secret, opaque};
use renkei_demo::bank;
use renkei_demo::listener::{Listener, Running};
use renkei_server::cli::MoreCommands;
use renkei_server::cli::out::{Failure, Out};
use renkei_server::process::SampleBank;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The commands of the demonstration.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine, with invented customers.
    Demo(demo::DemoCommand),
    /// Run the sample account API for a server in test mode.
    SampleApi(sample_api::SampleApi),
}

impl MoreCommands for Command {
    fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::Demo(command) => command.run(out),
            Self::SampleApi(command) => command.run(out),
        }
    }
}

/// Starts the sample bank for a server: on a free port of this machine, behind a token of its own.
pub(crate) fn sample_bank(books: &Path, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> io::Result<SampleBank> {
    let (running, token) = start_bank(books, &clock, &*random)?;
    let url = running.url().to_owned();
    Ok(SampleBank { url, token, stop: Box::new(move || Box::pin(running.stop())) })
}

/// The bank whose books lie in a folder, and the token it wants.
fn start_bank(books: &Path, now: &Arc<dyn Clock>, random: &dyn Random) -> io::Result<(Running, Secret)> {
    let (token, clock) = (opaque(random), clock(now));
    let bank = bank::SampleBank::open(books, now.now().jst_date())?;
    let running = bank::start(Listener::bind(0)?, bank, shared(&token), clock)?;
    Ok((running, token))
}

/// A clock of the demonstration that shows the server's time.
fn clock(clock: &Arc<dyn Clock>) -> Arc<dyn renkei_demo::time::Clock> {
    let clock = clock.clone();
    Arc::new(move || moment(clock.now()))
}

/// A moment as the demonstration writes it.
fn moment(at: Instant) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The server's randomness for the demonstration.
fn random(random: &Arc<dyn Random>) -> Arc<dyn renkei_demo::crypto::Random> {
    let random = random.clone();
    Arc::new(move |out: &mut [u8]| random.fill(out))
}

/// A secret that both know.
fn shared(secret: &Secret) -> renkei_demo::crypto::Secret {
    renkei_demo::crypto::Secret::new(secret.reveal())
}
