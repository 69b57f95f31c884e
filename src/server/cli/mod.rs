//! The command line (requirements.md#commands): one file for each command. Every command prints text for people, or
//! JSON with `--json` for machines, and exits with 0 (done), 1 (refused) or 2 (wrong usage).
//!
//! A command for a running server uses its admin socket; if none runs, the command opens the store itself. It finds
//! both by `--config FILE`, or by `--data DIR` for a demo.

mod admin_client;
mod audit;
mod client;
mod client_token;
pub mod config;
mod consent;
mod db;
mod doctor;
mod grant;
mod key;
mod lock;
mod mail;
mod notice;
pub mod out;
pub mod serve;
mod service;
mod stream;
pub mod target;

use crate::process::StartSampleBank;
use clap::{Parser, Subcommand};
use out::{Failure, Out};
use std::convert::Infallible;
use std::process::ExitCode;

/// Commands of the program in addition to the server's own; [`Infallible`] for none.
pub trait MoreCommands: Subcommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    fn run(self, out: &Out) -> Result<(), Failure>;
}
impl MoreCommands for Infallible {
    fn run(self, _: &Out) -> Result<(), Failure> {
        match self {}
    }
}

/// Renkei: the authorization server for API連携認証.
#[derive(Debug, Parser)]
#[command(name = "renkei", version, max_term_width = 100)]
struct Cli<More: Subcommand> {
    /// Print JSON for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command<More>,
}

#[derive(Debug, Subcommand)]
enum Command<More: Subcommand> {
    /// Run the server.
    Serve(serve::Serve),
    #[command(flatten)]
    More(More),
    /// Check or show a configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Register, show, approve and suspend apps and resource servers.
    #[command(subcommand)]
    Client(client::Client),
    /// Show or rotate the signing keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Show or revoke the links of an account.
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Show what a customer agreed to.
    #[command(subcommand)]
    Consent(consent::Consent),
    /// Show or release the accounts that are locked after too many wrong answers.
    #[command(subcommand)]
    Lock(lock::Lock),
    /// Switch linking off for everybody, or on again.
    #[command(subcommand)]
    Service(service::Service),
    /// Show the mails to customers that were not delivered, or send one again.
    #[command(subcommand)]
    Notice(notice::Notice),
    /// See whether mail goes out.
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// Show, test, stop and repeat the streams of events to receivers.
    #[command(subcommand)]
    Stream(stream::StreamCommand),
    /// Check or export the audit record, or ask who looked at an account.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Check, migrate, back up or restore the database.
    #[command(subcommand)]
    Db(db::Db),
    /// Say what is not well with a server, and what to do.
    Doctor(doctor::Doctor),
}

/// Runs the program with its arguments. `sample_bank` starts the bank of `bank.kind = "sample"`.
#[must_use]
pub fn main<More: MoreCommands>(sample_bank: Option<StartSampleBank>) -> ExitCode {
    undumpable();
    let cli = match Cli::<More>::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let out = Out::new(cli.json);
    let done = match cli.command {
        Command::Serve(c) => c.run(&out, sample_bank),
        Command::More(c) => c.run(&out),
        Command::Config(c) => c.run(&out, sample_bank),
        Command::Client(c) => c.run(&out),
        Command::Key(c) => c.run(&out),
        Command::Grant(c) => c.run(&out),
        Command::Consent(c) => c.run(&out),
        Command::Lock(c) => c.run(&out),
        Command::Service(c) => c.run(&out),
        Command::Notice(c) => c.run(&out),
        Command::Mail(c) => c.run(&out),
        Command::Stream(c) => c.run(&out),
        Command::Audit(c) => c.run(&out),
        Command::Db(c) => c.run(&out),
        Command::Doctor(c) => c.run(&out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(match failure {
                Failure::Refused(_) | Failure::Logged(_) => 1,
                Failure::Usage(_) => 2,
            })
        }
    }
}

/// Memory holds keys and, during a request, a PIN. So nobody gets a dump of it, and no other process of the same user may attach.
fn undumpable() {
    #[cfg(target_os = "linux")]
    if let Err(cause) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        eprintln!("renkei: the memory of this process may be dumped: {cause}");
    }
}

/// Runs a future to its end on a new runtime.
///
/// # Errors
/// That of the future, or the runtime could not be created.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| Failure::Refused(e.to_string()))?.block_on(work)
}
