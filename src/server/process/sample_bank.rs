//! The sample bank of test mode and of the demonstration. It is not part of the server: a program that has one passes a
//! start function, and the server calls it over HTTP like any core bank.

use crate::clock::Clock;
use crate::random::Random;
use crate::secret::Secret;
use futures_util::future::BoxFuture;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A running sample bank.
pub struct SampleBank {
    /// The address of its core banking API, on this machine.
    pub url: String,
    /// The bearer token it requires.
    pub token: Secret,
    /// Stops it.
    pub stop: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Starts the sample bank whose data is in a folder.
pub type StartSampleBank = fn(&Path, Arc<dyn Clock>, Arc<dyn Random>) -> io::Result<SampleBank>;
