//! `renkei lock list|release`: accounts that may not link for now.

use super::ask::once;
use super::block_on;
use super::grant::{account, cell, why};
use super::out::{Failure, Out, table};
use super::target::Target;
use crate::account::Account;
use crate::admin::{Ask, Why};
use serde_json::Value;

/// Show or release accounts locked after too many failures.
#[derive(Debug, clap::Subcommand)]
pub enum Lock {
    /// The accounts locked now, the newest lock first, and those with guesses that a crash left unanswered.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Let an account link again, and forget its wrong answers.
    Release {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The account, e.g. 115-ordinary-1100026.
        #[arg(value_parser = account)]
        account: Account,
        /// Why, for the audit record; do not name the customer.
        #[arg(long, value_parser = why)]
        reason: Why,
    },
}

impl Lock {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List { target } => {
                let answer = block_on(once(&target, Ask::Locks))?;
                out.say(&answer, || listed(&answer));
            }
            Self::Release { target, account, reason } => {
                let answer = block_on(once(&target, Ask::ReleaseLock { account, why: reason }))?;
                out.say(&answer, || format!("{}: released", cell(&answer, "account")));
            }
        }
        Ok(())
    }
}

fn listed(answer: &Value) -> String {
    let locks = answer["locks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if locks.is_empty() {
        return "no account is locked".into();
    }
    let mut rows = vec![["account", "since", "until", "unanswered"].map(str::to_owned).to_vec()];
    let until = |l: &Value| match (l["locked"].as_bool(), l["until"].as_str()) {
        (Some(false), _) => "not locked".to_owned(),
        (_, Some(until)) => until.to_owned(),
        (_, None) => "released by hand".to_owned(),
    };
    rows.extend(locks.iter().map(|l| vec![cell(l, "account"), cell(l, "since"), until(l), cell(l, "unanswered")]));
    table(&rows)
}
