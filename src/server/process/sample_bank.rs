//! The sample bank of test mode and of the demonstration. It is no part of the server: the program that has one hands in
//! what starts it, and the server asks it over the wire like any core bank.

use crate::clock::Clock;
use crate::random::Random;
use crate::secret::Secret;
use futures_util::future::BoxFuture;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A sample bank that answers.
pub struct SampleBank {
    /// The address of its core banking API, on this machine.
    pub url: String,
    /// The bearer token it wants.
    pub token: Secret,
    /// Stops it.
    pub stop: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Starts the sample bank whose books lie in a folder.
pub type StartSampleBank = fn(&Path, Arc<dyn Clock>, Arc<dyn Random>) -> io::Result<SampleBank>;
