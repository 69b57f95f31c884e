//! `renkei audit verify|export|looks`

use super::admin_client::{Office, once};
use super::block_on;
use super::grant::{account, id, why};
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::account::Account;
use crate::admin::{AdminCommand, Period, StaffReason};
use crate::audit::Cursor;
use crate::clock::Instant;
use crate::id::GrantId;
use chrono::{DateTime, NaiveDate};
use serde_json::Value;

/// Check or export the audit record, or ask who looked at an account.
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
        /// Only records of this account, e.g. 115-ordinary-1100026, and of every link that shares it or has shared it.
        #[arg(long, value_parser = account)]
        account: Option<Account>,
        /// Why you look, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// List who of the staff looked at an account or did something with it, when and why, the newest first.
    Looks {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The account, e.g. 115-ordinary-1100026.
        #[arg(long, value_parser = account)]
        account: Account,
        /// Why you look, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
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
            Self::Export { target, from, to, grant, account, reason } => {
                block_on(export(out, &target, Period { from, to }, (grant, account), reason))
            }
            Self::Looks { target, account, reason } => {
                let answer = block_on(once(&target, AdminCommand::Looks { account, why: reason }))?;
                out.say(&answer, || describe_looks(&answer));
                Ok(())
            }
        }
    }
}

/// One sentence; where something is wrong, what it is. The heads of the chains are for programs (`--json`).
fn describe_report(report: &Value) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (chains, breaks, findings) =
        (list(&report["audit"]["heads"]), list(&report["audit"]["breaks"]), list(&report["findings"]));
    let counts = format!(
        "{} records in {} chains, {} grants and {} events",
        report["audit"]["records"],
        chains.len(),
        report["grants"],
        report["events"]
    );
    if report["whole"] == true {
        return format!("The audit record is whole, and the data agrees with it: {counts} were checked.");
    }
    let errors = breaks.len() + findings.len();
    let mut lines =
        vec![format!("The audit record or the data is NOT as it was written: {errors} errors; {counts} were checked.")];
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    for broken in &breaks {
        lines.push(format!("BROKEN chain {} record {}: {}", word(&broken["chain"]), broken["n"], word(&broken["why"])));
    }
    for finding in &findings {
        let (table, row, why) = (word(&finding["table"]), word(&finding["row"]), word(&finding["why"]));
        lines.push(format!("BROKEN {table} {row}: {why}"));
    }
    lines.join("\n")
}

fn describe_looks(answer: &Value) -> String {
    let looks = answer["looks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if looks.is_empty() {
        return format!("{}: nobody looked", cell(answer, "account"));
    }
    let columns = ["at", "staff", "action", "grant_id", "reason"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(looks.iter().map(|look| columns.map(|c| cell(look, c)).to_vec()));
    let more = if answer["more"] == true { "\n(there are more)" } else { "" };
    table(&rows) + more
}

async fn export(
    out: &Out,
    target: &Target,
    period: Period,
    (grant, account): (Option<GrantId>, Option<Account>),
    why: StaffReason,
) -> Result<(), Failure> {
    let office = Office::find(target).await?;
    let mut after = None;
    let done = loop {
        let ask = AdminCommand::ExportAudit {
            period,
            grant: grant.clone(),
            account: account.clone(),
            after,
            why: why.clone(),
        };
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
