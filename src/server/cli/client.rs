//! `renkei client import|list|show|suspend|resume|approve|decline|rotate-secret|token`: the client registry.

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::admin::{AdminCommand, ClientAsk};
use crate::client::{LEAST_OVERLAP, MOST_OVERLAP, Status};
use crate::duration::Span;
use crate::id::ClientId;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Register, show, approve and suspend apps and resource servers.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Client {
    /// Register a client from a JSON record, or replace the record of a client that exists. Without --replace it says what would
    /// change, and changes nothing.
    Import {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Replace the record that is there.
        #[arg(long)]
        replace: bool,
        /// The record: client metadata as JSON (RFC 7591).
        file: PathBuf,
    },
    /// List all clients.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Show the record of one client.
    Show {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The client id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: ClientId,
    },
    /// Suspend a client: until it is resumed, the server refuses its requests, and its tokens are invalid.
    Suspend {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The client id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: ClientId,
    },
    /// Resume a suspended client.
    Resume {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The client id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: ClientId,
    },
    /// Approve a client that registered itself, or a change that a client requested.
    Approve {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The client id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: ClientId,
        /// Approve only if the record still has this version, as `show` prints it.
        #[arg(long)]
        version: Option<i64>,
    },
    /// Decline a client that registered itself (it is deleted), or a change that a client requested (it is discarded).
    Decline {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The client id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: ClientId,
    },
    /// Make a new registration access token for a client and print it once. The old one becomes invalid at once.
    RegistrationToken {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The client id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: ClientId,
    },
    /// Make, list or revoke the initial access tokens with which apps register (RFC 7591).
    #[command(subcommand)]
    Token(super::client_token::Token),
    /// Make a new client secret and print it once. The old one becomes invalid at once, unless --keep says when.
    RotateSecret {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// How long the old secret still counts beside the new one: 1m to 7d, e.g. 24h.
        #[arg(long = "keep", value_parser = overlap, value_name = "DURATION")]
        overlap: Option<Duration>,
        /// The client id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: ClientId,
    },
}

fn id(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).ok_or_else(|| "this is not a client id".into())
}

fn overlap(text: &str) -> Result<Duration, String> {
    let read = Span::parse(text).ok().map(Span::get).filter(|keep| keep.subsec_nanos() == 0);
    let fits = read.filter(|keep| (LEAST_OVERLAP..=MOST_OVERLAP).contains(keep));
    fits.ok_or_else(|| "write a duration from 1m to 7d, such as 24h".into())
}

/// The largest record that is read, in bytes.
const MOST_BYTES: usize = 256 * 1024;

impl Client {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        let ask = |target: &Target, ask| block_on(once(target, AdminCommand::Client(ask)));
        match self {
            Self::Import { target, replace, file } => {
                let named = |why: String| Failure::Refused(format!("{}: {why}", file.display()));
                let text = std::fs::read(&file).map_err(|e| named(e.to_string()))?;
                if text.len() > MOST_BYTES {
                    return Err(named("is too large: a record has at most 256 KiB".into()));
                }
                let record = serde_json::from_slice(&text).map_err(|e| named(format!("is not JSON: {e}")))?;
                let answer = ask(&target, ClientAsk::Import { record, replace })?;
                out.say(&answer, || imported(&answer));
            }
            Self::List { target } => {
                let answer = ask(&target, ClientAsk::List)?;
                out.say(&answer, || listed(&answer));
            }
            Self::Show { target, id } => {
                let answer = ask(&target, ClientAsk::Show { id })?;
                out.say(&answer, || format!("{answer:#}"));
            }
            Self::Suspend { target, id } => {
                let answer = ask(&target, ClientAsk::SetStatus { id, status: Status::Suspended })?;
                out.say(&answer, || format!("{}: suspended", cell(&answer, "client_id")));
            }
            Self::Resume { target, id } => {
                let answer = ask(&target, ClientAsk::SetStatus { id, status: Status::Active })?;
                out.say(&answer, || format!("{}: resumed", cell(&answer, "client_id")));
            }
            Self::Approve { target, id, version } => {
                let answer = ask(&target, ClientAsk::Approve { id, version })?;
                out.say(&answer, || format!("{}: approved\n{:#}", cell(&answer, "client_id"), answer["client"]));
            }
            Self::Decline { target, id } => {
                let answer = ask(&target, ClientAsk::Decline { id })?;
                out.say(&answer, || format!("{}: declined", cell(&answer, "client_id")));
            }
            Self::RegistrationToken { target, id } => {
                let answer = ask(&target, ClientAsk::Token { id })?;
                out.say(&answer, || {
                    let token = cell(&answer, "registration_access_token");
                    format!(
                        "registration_access_token: {token}\nIt is stored only as a hash and cannot be shown again."
                    )
                });
            }
            Self::Token(token) => token.run(out)?,
            Self::RotateSecret { target, overlap, id } => {
                let answer = ask(&target, ClientAsk::RotateSecret { id, overlap })?;
                out.say(&answer, || {
                    let old = match answer["former_until"].as_str() {
                        Some(_) => format!("The old one counts until {}.", cell(&answer, "former_until")),
                        None => "The old one counts no more.".to_owned(),
                    };
                    format!("{}: a new secret\n{}\n{old}", cell(&answer, "client_id"), secret(&answer))
                });
            }
        }
        Ok(())
    }
}

fn secret(answer: &Value) -> String {
    format!("client_secret: {}\nIt is stored only as a hash and cannot be shown again.", cell(answer, "client_secret"))
}

fn imported(answer: &Value) -> String {
    let what = match (answer["unchanged"] == true, answer["replaced"] == true) {
        (true, _) => "is registered with this very record; nothing was changed",
        (_, true) => "record replaced",
        _ => "registered",
    };
    let mut text = format!("{}: {what}", cell(&answer["client"], "client_id"));
    for line in answer["changes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&format!("\n  {line}"));
    }
    if let Some(profile) = answer["profile_assumed"].as_str() {
        text.push_str(&format!("\nThe record names no profile: it was read as {profile}."));
    }
    for member in answer["ignored"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&format!("\nignored: this server does not know the member {member}"));
    }
    if answer["client_secret"].is_string() {
        text = format!("{text}\n{}", secret(answer));
    }
    text
}

fn listed(answer: &Value) -> String {
    let clients = answer["clients"].as_array().map(Vec::as_slice).unwrap_or_default();
    if clients.is_empty() {
        return "no client is registered".into();
    }
    let columns = ["client_id", "profile", "status", "token_endpoint_auth_method", "client_name"];
    let status = |c: &Value| if c["change_pending"].is_object() { " (change awaiting approval)" } else { "" };
    let mut rows = vec![["client", "profile", "status", "authentication", "name"].map(str::to_owned).to_vec()];
    rows.extend(clients.iter().map(|c| {
        let mut row: Vec<String> = columns.iter().map(|name| cell(c, name)).collect();
        row[2].push_str(status(c));
        row
    }));
    table(&rows)
}
