//! `renkei grant list|show|revoke`: for the branch, when a customer telephones.

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, table};
use super::target::Target;
use crate::account::Account;
use crate::admin::{AdminCommand, StaffReason};
use crate::id::GrantId;
use serde_json::Value;

/// Show or revoke the links of an account.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Grant {
    /// List all links of an account, the newest first.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The account: branch, type and number, e.g. 115-ordinary-1100026.
        #[arg(long, value_parser = account)]
        account: Account,
        /// Why you look, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Show one link and its history.
    Show {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The grant id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: GrantId,
        /// Why you look, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Revoke a link, or take one account out of it. From now on the app's tokens are invalid for it.
    Revoke {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The grant id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: GrantId,
        /// Take only this account out of the link. The link ends if it was verified by this account or shares no other.
        #[arg(long, value_parser = account)]
        account: Option<Account>,
        /// The reason, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
}

pub(super) fn account(text: &str) -> Result<Account, String> {
    Account::parse(text).ok_or_else(|| "write an account like 115-ordinary-1100026".into())
}
pub(super) fn id(text: &str) -> Result<GrantId, String> {
    GrantId::parse(text).ok_or_else(|| "this is not a grant id".into())
}
pub(super) fn why(text: &str) -> Result<StaffReason, String> {
    StaffReason::parse(text)
        .ok_or_else(|| "a reason must have 3 to 200 characters on one line, a letter among them".into())
}

/// The text or number at `name`, or a dash.
pub(super) fn cell(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "-".to_owned(),
    }
}

impl Grant {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List { target, account, reason } => {
                let answer = block_on(once(&target, AdminCommand::Grants { account, why: reason }))?;
                out.say(&answer, || listed(&answer));
            }
            Self::Show { target, id, reason } => {
                let answer = block_on(once(&target, AdminCommand::Grant { id, why: reason }))?;
                out.say(&answer, || describe_grant(&answer));
            }
            Self::Revoke { target, id, account, reason } => {
                let answer = block_on(once(&target, AdminCommand::RevokeGrant { id, account, why: reason }))?;
                out.say(&answer, || {
                    let done = if answer["state"] == "revoked" { "revoked" } else { "goes on without the account" };
                    format!("{} of {}: {done}", cell(&answer, "grant_id"), cell(&answer, "client_id"))
                });
            }
        }
        Ok(())
    }
}

fn listed(answer: &Value) -> String {
    let grants = answer["grants"].as_array().map(Vec::as_slice).unwrap_or_default();
    if grants.is_empty() {
        return format!("{}: no links", cell(answer, "account"));
    }
    let columns = ["grant_id", "client_id", "state", "created_at", "expires_at", "ended_at", "ended_by", "reference"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(grants.iter().map(|g| columns.map(|c| cell(g, c)).to_vec()));
    table(&rows)
}

fn describe_grant(answer: &Value) -> String {
    let names = [
        "grant_id",
        "client_id",
        "account",
        "reference",
        "scope",
        "state",
        "created_at",
        "activated_at",
        "expires_at",
        "ended_at",
        "ended_by",
        "consent_id",
        "acr",
        "auth_time",
        "last_used_at",
    ];
    let mut rows: Vec<Vec<String>> = names.map(|n| vec![n.to_owned(), cell(answer, n)]).to_vec();
    for permission in ["balances", "transactions"] {
        rows.push(vec![format!("last_used ({permission})"), cell(&answer["last_used"], permission)]);
    }
    for event in answer["events"].as_array().map(Vec::as_slice).unwrap_or_default() {
        rows.push(vec![cell(event, "at"), format!("{} {}", cell(event, "event"), event["detail"])]);
    }
    table(&rows)
}
