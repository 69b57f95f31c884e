//! `renkei sample-api`

use super::standalone_api;
use renkei_core::clock::SystemClock;
use renkei_core::random::SystemRandom;
use renkei_server::cli::block_on;
use renkei_server::cli::out::{Failure, Out};
use renkei_server::cli::serve::stop_signal;
use renkei_server::config;
use renkei_server::logs::logs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Run the sample account API for a server in test mode: a protected resource with invented accounts.
#[derive(Debug, clap::Args)]
pub(crate) struct SampleApi {
    /// The server's configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8445")]
    listen: SocketAddr,
}

impl SampleApi {
    /// Runs the command until it is told to stop.
    ///
    /// # Errors
    /// What kept it from starting.
    pub(crate) fn run(self, out: &Out) -> Result<(), Failure> {
        let config = config::load(&self.config, std::env::vars()).map_err(Failure::refused)?;
        logs(&config.server.log, config.server.log_format, None);
        block_on(async {
            let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
            let api = standalone_api::start(&config, self.listen, clock, random).map_err(Failure::refused)?;
            out.say(&serde_json::json!({"ready": api.url()}), || format!("ready {}", api.url()));
            stop_signal().await;
            api.stop().await;
            Ok(())
        })
    }
}
