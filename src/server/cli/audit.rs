//! `renkei audit verify|export`

use super::admin_client::{Office, once};
use super::block_on;
use super::grant::{account, id};
use super::out::{Failure, Out};
use super::target::Target;
use crate::account::Account;
use crate::admin::{AdminCommand, Period};
use crate::audit::Cursor;
use crate::clock::Instant;
use crate::id::GrantId;
use chrono::{DateTime, NaiveDate};
use serde_json::Value;

/// Check or export the audit record.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Audit {
    /// Check that nothing in the record was changed or removed, and that grants, events and tokens agree with it.
    Verify {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Print the record in order of time, one JSON object per line.
    Export {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Only records from this day (JST) or time (RFC 3339) on.
        #[arg(long, value_parser = moment)]
        from: Option<Instant>,
        /// Only records before this day (JST) or time (RFC 3339).
        #[arg(long, value_parser = moment)]
        to: Option<Instant>,
        /// Only records of this grant.
        #[arg(long, value_parser = id, allow_hyphen_values = true)]
        grant: Option<GrantId>,
        /// Only records of this account, e.g. 115-ordinary-1100026.
        #[arg(long, value_parser = account)]
        account: Option<Account>,
    },
}

pub(super) fn moment(text: &str) -> Result<Instant, String> {
    let day = |d: NaiveDate| format!("{d}T00:00:00+09:00");
    let text = text.parse().map_or_else(|_| text.to_owned(), day);
    let parsed =
        DateTime::parse_from_rfc3339(&text).map_err(|_| "write it like 2026-11-23 or 2026-11-23T09:00:00+09:00")?;
    Ok(Instant::from_millis(parsed.timestamp_millis()))
}

impl Audit {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed, or that the record is invalid.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::Verify { target } => {
                let report = block_on(once(&target, AdminCommand::VerifyAudit))?;
                out.say(&report, || describe_report(&report));
                if report["whole"] == true {
                    return Ok(());
                }
                Err(Failure::Refused("the check found errors in the audit record or in the data".into()))
            }
            Self::Export { target, from, to, grant, account } => {
                block_on(export(out, &target, Period { from, to }, grant, account))
            }
        }
    }
}

fn describe_report(report: &Value) -> String {
    let list = |name: &str| report[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let chains = report["audit"]["heads"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines = vec![format!(
        "records {}, chains {}, grants {}, events {}",
        report["audit"]["records"],
        chains.len(),
        report["grants"],
        report["events"]
    )];
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    for head in chains {
        lines.push(format!("head of {}: {} {}", word(&head["chain"]), head["length"], word(&head["hash"])));
    }
    for broken in report["audit"]["breaks"].as_array().into_iter().flatten() {
        lines.push(format!("BROKEN chain {} record {}: {}", word(&broken["chain"]), broken["n"], word(&broken["why"])));
    }
    for finding in list("findings") {
        let (table, row, why) = (word(&finding["table"]), word(&finding["row"]), word(&finding["why"]));
        lines.push(format!("BROKEN {table} {row}: {why}"));
    }
    lines.join("\n")
}

async fn export(
    out: &Out,
    target: &Target,
    period: Period,
    grant: Option<GrantId>,
    account: Option<Account>,
) -> Result<(), Failure> {
    let office = Office::find(target).await?;
    let mut after = None;
    let done = loop {
        let ask = AdminCommand::ExportAudit { period, grant: grant.clone(), account: account.clone(), after };
        let page = match office.ask(ask).await {
            Ok(page) => page,
            Err(e) => break Err(e),
        };
        for record in page["records"].as_array().into_iter().flatten() {
            out.say(record, || record.to_string());
        }
        after = page["next"].as_str().and_then(Cursor::parse);
        if after.is_none() {
            break Ok(());
        }
    };
    office.close().await;
    done
}
