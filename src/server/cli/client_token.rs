//! `renkei client token new|list|revoke`: initial access tokens, which apps use to register themselves.

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::admin::{AdminCommand, InitialTokenRequest, TokenAsk};
use crate::id::TokenId;
use serde_json::Value;

/// Make, list or revoke the initial access tokens with which apps register (RFC 7591).
#[derive(Debug, clap::Subcommand)]
pub(super) enum Token {
    /// Make an initial access token and print it once.
    New {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Who will use it, for example the name of a company.
        #[arg(long)]
        label: String,
        /// How many apps may register with it.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// Days until it expires.
        #[arg(long, default_value_t = 7)]
        days: u32,
        /// The only profile an app may have: fapi2, fapi2_message_signing or oidc [default: one of the FAPI profiles].
        #[arg(long)]
        profile: Option<String>,
    },
    /// List all initial access tokens, the newest first.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a token. Apps that registered with it stay registered.
    Revoke {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The id of the token, as `list` shows it.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: TokenId,
    },
}

fn id(text: &str) -> Result<TokenId, String> {
    TokenId::parse(text).ok_or_else(|| "this is not the id of a token".into())
}

impl Token {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        let ask = |target: &Target, ask| block_on(once(target, AdminCommand::Token(ask)));
        match self {
            Self::New { target, label, uses, days, profile } => {
                let answer = ask(&target, TokenAsk::New(InitialTokenRequest { label, uses, days, profile }))?;
                out.say(&answer, || made(&answer));
            }
            Self::List { target } => {
                let answer = ask(&target, TokenAsk::List)?;
                out.say(&answer, || listed(&answer));
            }
            Self::Revoke { target, id } => {
                let answer = ask(&target, TokenAsk::Revoke { id })?;
                out.say(&answer, || format!("{}: revoked", cell(&answer, "id")));
            }
        }
        Ok(())
    }
}

fn made(answer: &Value) -> String {
    format!(
        "{}: an initial access token, valid until {}\ninitial_access_token: {}\nIt is stored only as a hash and cannot be shown again.",
        cell(answer, "id"),
        cell(answer, "expires_at"),
        cell(answer, "token"),
    )
}

fn listed(answer: &Value) -> String {
    let tokens = answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    if tokens.is_empty() {
        return "there are no initial access tokens".into();
    }
    let columns = ["id", "label", "profile", "state", "uses_left", "created_at", "expires_at"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(tokens.iter().map(|t| columns.map(|c| cell(t, c)).to_vec()));
    table(&rows)
}
