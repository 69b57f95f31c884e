//! `renkei consent show`: what a customer agreed to, for a dispute.

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::admin::{AdminCommand, ConsentAsk, StaffReason};
use crate::consent::ConsentKey;
use serde_json::Value;

/// Show what a customer agreed to.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Consent {
    /// Open one consent record: account, name, network address and browser, the checks passed, and every sentence that the
    /// customer read. The audit record names who looked and why.
    Show {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The id of the record, or 受付番号 (ABCD-1234).
        #[arg(value_parser = key, allow_hyphen_values = true)]
        of: ConsentKey,
        /// Why you look, for the audit record: 3 to 200 characters. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
}

fn key(text: &str) -> Result<ConsentKey, String> {
    ConsentKey::parse(text)
        .ok_or_else(|| "this is neither the id of a consent record nor a 受付番号 (ABCD-1234)".into())
}
fn why(text: &str) -> Result<StaffReason, String> {
    StaffReason::parse(text)
        .ok_or_else(|| "a reason must have 3 to 200 characters on one line, a letter among them".into())
}

impl Consent {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed, or that several records have the number.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        let Self::Show { target, of, reason } = self;
        let answer = block_on(once(&target, AdminCommand::Consent(ConsentAsk { of, why: reason })))?;
        if answer["opened"] == true {
            out.say(&answer, || described(&answer));
            return Ok(());
        }
        out.say(&answer, || listed(&answer));
        Err(Failure::Refused("several records have this 受付番号; none was opened: name one by its id".into()))
    }
}

fn listed(answer: &Value) -> String {
    let columns = ["day", "app", "client_id", "consent_id"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(answer["records"].as_array().into_iter().flatten().map(|r| columns.map(|c| cell(r, c)).to_vec()));
    table(&rows)
}

fn described(answer: &Value) -> String {
    let names = [
        "consent_id",
        "decision",
        "reference",
        "client_id",
        "app",
        "account",
        "name",
        "address",
        "browser",
        "decided_at",
        "ends_at",
        "scope",
        "terms_version",
        "terms_hash",
        "language",
        "words_hash",
    ];
    let joined = |value: &Value| {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let mut rows: Vec<Vec<String>> = names.map(|n| vec![n.to_owned(), cell(answer, n)]).to_vec();
    let checks = &answer["checks"];
    rows.push(vec!["checks".to_owned(), format!("{} ({})", joined(&checks["amr"]), cell(checks, "acr"))]);
    rows.push(vec!["passed_at".to_owned(), cell(checks, "passed_at")]);
    rows.push(vec!["details".to_owned(), answer["authorization_details"].to_string()]);
    rows.push(vec!["grants".to_owned(), joined(&answer["grants"])]);
    let mut text = table(&rows);
    text.push_str("\n\n");
    match answer["words"].as_array() {
        Some(words) => {
            text.push_str("the sentences, as the customer read them:\n");
            let mark = |place: usize| {
                let boxes = answer["boxes"].as_array().map(Vec::as_slice).unwrap_or_default();
                match boxes.iter().find(|own| own["sentence"] == place).map(|own| own["ticked"] == true) {
                    Some(true) => "[x] ",
                    Some(false) => "[ ] ",
                    None => "",
                }
            };
            let lines = words.iter().filter_map(Value::as_str).enumerate();
            let lines: Vec<String> = lines.map(|(place, line)| format!("  {}{line}", mark(place))).collect();
            text.push_str(&lines.join("\n"));
        }
        None => text.push_str("the sentences were not kept: the record is older than this program's"),
    }
    text
}
