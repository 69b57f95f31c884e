//! `renkei serve`

use super::block_on;
use super::config::{placed, refused};
use super::out::{Failure, Out};
use crate::clock::SystemClock;
use crate::config;
use crate::logs::{LogLevel, logs};
use crate::process::{self, Parts, Reloaded, ServiceState, StartSampleBank};
use crate::random::SystemRandom;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Run the server.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Serve {
    /// Runs the command until the server is told to stop.
    ///
    /// # Errors
    /// Why it could not start.
    pub fn run(self, out: &Out, sample_bank: Option<StartSampleBank>) -> Result<(), Failure> {
        let (config, origins) = match config::read(&self.config, std::env::vars()).whole() {
            Ok(read) => read,
            Err(cause) => {
                logs("info", config::format_of_log(&self.config, std::env::vars()), None);
                return Err(not_started(&cause));
            }
        };
        let traces = process::traces(&config);
        let level = logs(&config.server.log, config.server.log_format, traces.as_ref().ok().and_then(Option::as_ref));
        let traces = traces.map_err(|cause| not_started(&placed(&origins, cause)))?;
        if let Some(why) = refused(&config, &origins, sample_bank) {
            return Err(not_started(&why));
        }
        for doubt in process::doubts(&config) {
            tracing::warn!(cause = placed(&origins, doubt), "a value of the configuration cannot be right");
        }
        let served = block_on(async {
            let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
            let parts = Parts { clock, random, bank: None, sample_bank, texts: None };
            let running = process::start(config, parts).await;
            let running = running.map_err(|cause| not_started(&placed(&origins, cause)))?;
            let issuer = running.app.issuer().to_owned();
            // Before it says that it is ready: whoever reads this may send a signal at once, which would end it without a handler.
            let (mut signals, hangup) = (StopSignals::new()?, signals_of(SignalKind::hangup())?);
            out.say(&serde_json::json!({"ready": issuer}), || format!("ready {issuer}"));
            process::tell_service_manager(ServiceState::Ready);
            let reloads = self.reload_at_hangup(&running, &level, hangup);
            let why = tokio::select! { why = signals.next() => why, () = reloads => "SIGHUP" };
            tracing::info!(why, "the server stops");
            process::tell_service_manager(ServiceState::Stopping);
            running
                .stop_or_hurry(async move {
                    let _ = signals.next().await;
                })
                .await;
            tracing::info!("the server has stopped");
            Ok(())
        });
        if let Some(traces) = traces {
            traces.close();
        }
        served
    }

    /// Reads the configuration and its files again on SIGHUP; never returns.
    async fn reload_at_hangup(&self, running: &process::Running, level: &LogLevel, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            process::tell_service_manager(ServiceState::Reloading);
            let read = config::read(&self.config, std::env::vars()).whole();
            let done = read
                .map_err(|cause| cause.to_string())
                .and_then(|(config, origins)| running.reload(&config).map_err(|cause| placed(&origins, cause)));
            if let Ok(reloaded) = &done {
                running.record(reloaded).await;
            }
            match done {
                Ok(Reloaded { changed, restart, log }) => {
                    level.set(&log);
                    tracing::info!(changed = changed.join(", "), "configuration and files reloaded");
                    if !restart.is_empty() {
                        tracing::warn!(restart = restart.join(", "), "these keys changed too, and need a restart");
                    }
                }
                Err(cause) => tracing::warn!(%cause, "not reloaded; what was in use stays"),
            }
            process::tell_service_manager(ServiceState::Ready);
        }
    }
}

/// A start that failed is said in the log's own format, like everything that a service says.
fn not_started(cause: &dyn std::fmt::Display) -> Failure {
    tracing::error!(%cause, "the server cannot start");
    Failure::Logged(cause.to_string())
}

/// The signals of this kind, from now on.
fn signals_of(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|cause| Failure::Refused(format!("no signal handler could be set: {cause}")))
}

/// Ctrl-C and SIGTERM, one after the other.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}
impl StopSignals {
    fn new() -> Result<Self, Failure> {
        Ok(Self { interrupt: signals_of(SignalKind::interrupt())?, terminate: signals_of(SignalKind::terminate())? })
    }
    /// Waits for the next one; returns its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! { _ = self.interrupt.recv() => "SIGINT", _ = self.terminate.recv() => "SIGTERM" }
    }
}

/// Waits for Ctrl-C or SIGTERM; returns its name.
pub async fn stop_signal() -> &'static str {
    match StopSignals::new() {
        Ok(mut signals) => signals.next().await,
        Err(_) => {
            tracing::error!("no signal handler could be set; stop with SIGKILL");
            std::future::pending().await
        }
    }
}
