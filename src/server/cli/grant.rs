//! `renkei grant list|show|revoke`: for the branch, when a customer telephones.

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::account::Account;
use crate::admin::{AdminCommand, GrantKey, GrantsOf, StaffReason};
use crate::id::GrantId;
use serde_json::Value;

/// Show or revoke the links of an account.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Grant {
    /// List all links of an account, also those that only share it, or of a 受付番号, the newest first.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Whose.
        #[command(flatten)]
        of: Whose,
        /// Why you look, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Show one link and its history.
    Show {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The grant id, or 受付番号, e.g. ABCD-1234.
        #[arg(value_parser = named, allow_hyphen_values = true, value_name = "ID")]
        of: GrantKey,
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

/// The two ways to say whose links.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whose {
    /// The account: branch, type and number, e.g. 115-ordinary-1100026.
    #[arg(long, value_parser = account)]
    account: Option<Account>,
    /// 受付番号, e.g. ABCD-1234.
    #[arg(long, value_parser = receipt)]
    receipt: Option<String>,
}
impl Whose {
    fn links(self) -> Result<GrantsOf, Failure> {
        match self {
            Self { account: Some(account), .. } => Ok(GrantsOf::Account(account)),
            Self { receipt: Some(receipt), .. } => Ok(GrantsOf::Receipt(receipt)),
            Self { account: None, receipt: None } => {
                Err(Failure::Usage("--account ACCOUNT or --receipt 受付番号".into()))
            }
        }
    }
}

fn named(text: &str) -> Result<GrantKey, String> {
    GrantKey::parse(text).ok_or_else(|| "this is neither a grant id nor 受付番号".into())
}
fn receipt(text: &str) -> Result<String, String> {
    match GrantKey::parse(text) {
        Some(GrantKey::Receipt(receipt)) => Ok(receipt),
        _ => Err("write 受付番号 like ABCD-1234".into()),
    }
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

impl Grant {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List { target, of, reason } => {
                let answer = block_on(once(&target, AdminCommand::Grants { of: of.links()?, why: reason }))?;
                out.say(&answer, || listed(&answer));
            }
            Self::Show { target, of, reason } => {
                let answer = block_on(once(&target, AdminCommand::Grant { of, why: reason }))?;
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

/// Who ended a link, for people: what kind of party, and which one.
fn ended_by(grant: &Value) -> String {
    match (cell(grant, "state").as_str(), &grant["ended_by_actor"]) {
        ("replaced", _) => format!("replaced by {}", cell(grant, "ended_by")),
        (_, Value::String(actor)) if actor == "system" && grant["ended_by"].is_string() => cell(grant, "ended_by"),
        (_, Value::String(actor)) if actor != "system" => actor.clone(),
        _ => cell(grant, "ended_by"),
    }
}

fn listed(answer: &Value) -> String {
    let grants = answer["grants"].as_array().map(Vec::as_slice).unwrap_or_default();
    if grants.is_empty() {
        let of = if answer["account"].is_string() { "account" } else { "reference" };
        return format!("{}: no links", cell(answer, of));
    }
    let columns = [
        "grant_id",
        "client_id",
        "state",
        "created",
        "expires",
        "ended",
        "ended by",
        "why",
        "reference",
        "verified by",
    ];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(grants.iter().map(|g| {
        vec![
            cell(g, "grant_id"),
            cell(g, "client_id"),
            cell(g, "state"),
            cell(g, "created_at"),
            cell(g, "expires_at"),
            cell(g, "ended_at"),
            ended_by(g),
            cell(g, "ended_why"),
            cell(g, "reference"),
            cell(g, "account"),
        ]
    }));
    table(&rows)
}

fn describe_grant(answer: &Value) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let texts = |names: &[&str]| names.iter().map(|name| row(name, cell(answer, name))).collect::<Vec<_>>();
    let mut rows = texts(&["grant_id", "client_id", "account"]);
    for id in answer["accounts"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        rows.push(row("shares", id.to_owned()));
    }
    rows.extend(texts(&["reference", "scope", "state"]));
    rows.extend(texts(&["created_at", "activated_at", "expires_at", "ended_at"]));
    rows.push(row("ended_by", ended_by(answer)));
    rows.push(row("ended_why", cell(answer, "ended_why")));
    rows.extend(texts(&["consent_id", "acr"]));
    rows.extend(texts(&["auth_time", "last_used_at"]));
    for permission in ["balances", "transactions"] {
        rows.push(row(&format!("last_used ({permission})"), cell(&answer["last_used"], permission)));
    }
    for event in answer["events"].as_array().map(Vec::as_slice).unwrap_or_default() {
        rows.push(row(&cell(event, "at"), format!("{} {}", cell(event, "event"), event["detail"])));
    }
    table(&rows)
}
