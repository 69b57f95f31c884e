//! `renkei notice list|retry`: undelivered mails to customers.

use super::admin_client::once;
use super::block_on;
use super::grant::why;
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::admin::{AdminCommand, StaffReason};
use crate::id::NoticeId;
use serde_json::Value;

/// Show the mails to customers that were not delivered, or send one again.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Notice {
    /// List the notices that were not delivered, with the cause, the newest first.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Why you look, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Send a notice now. If that fails, it is tried again for 24 hours.
    Retry {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The notice id.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: NoticeId,
    },
}

fn id(text: &str) -> Result<NoticeId, String> {
    NoticeId::parse(text).ok_or_else(|| "this is not a notice id".into())
}

impl Notice {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List { target, reason } => {
                let answer = block_on(once(&target, AdminCommand::Notices { why: reason }))?;
                out.say(&answer, || listed(&answer));
            }
            Self::Retry { target, id } => {
                let answer = block_on(once(&target, AdminCommand::RetryNotice { id }))?;
                out.say(&answer, || format!("{}: will be sent now", cell(&answer, "notice_id")));
            }
        }
        Ok(())
    }
}

fn listed(answer: &Value) -> String {
    let notices = answer["notices"].as_array().map(Vec::as_slice).unwrap_or_default();
    if notices.is_empty() {
        return "every notice was delivered".into();
    }
    let columns = ["notice_id", "state", "reference", "grant_id", "created_at", "attempts", "next_at", "trouble"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(notices.iter().map(|n| columns.map(|c| cell(n, c)).to_vec()));
    let more = if answer["more"] == true { "\n(there are more)" } else { "" };
    table(&rows) + more
}
