//! `renkei lock list|release`: accounts that are locked for linking.

use super::admin_client::{Office, once};
use super::block_on;
use super::grant::{account, why};
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::account::Account;
use crate::admin::{AdminCommand, StaffReason};
use serde_json::{Value, json};

/// Show or release the accounts that are locked after too many wrong answers.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Lock {
    /// List the accounts that are locked now, the newest lock first, and those with guesses that a crash left unanswered.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Why you look, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Release accounts: they can be linked again, and their wrong answers are forgotten.
    Release {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The accounts, e.g. 115-ordinary-1100026; `-` reads them from standard input, one per line.
        #[arg(value_parser = named, required = true, value_name = "ACCOUNT")]
        accounts: Vec<Named>,
        /// The reason, for the audit record. Do not name the customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
}

impl Lock {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List { target, reason } => {
                let answer = block_on(once(&target, AdminCommand::Locks { why: reason }))?;
                out.say(&answer, || listed(&answer));
            }
            Self::Release { target, accounts, reason } => {
                let wanted = wanted(accounts)?;
                block_on(release(out, &target, &wanted, &reason))?;
            }
        }
        Ok(())
    }
}

/// An account as a command line argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// This account.
    Account(Account),
    /// The accounts from standard input.
    Input,
}
fn named(text: &str) -> Result<Named, String> {
    if text == "-" { Ok(Named::Input) } else { account(text).map(Named::Account) }
}

/// The accounts to release, in order and without duplicates. A line of standard input that is no account is reported
/// and does not stop the others. (An invalid argument is a usage error, because it may be a misspelt option.)
fn wanted(named: Vec<Named>) -> Result<Vec<Result<Account, String>>, Failure> {
    let mut wanted = Vec::new();
    let mut add = |one: Result<Account, String>| {
        if !wanted.contains(&one) {
            wanted.push(one);
        }
    };
    for named in named {
        match named {
            Named::Account(account) => add(Ok(account)),
            Named::Input => {
                for line in std::io::stdin().lines() {
                    let line = line.map_err(|e| Failure::Refused(format!("standard input: {e}")))?;
                    let text = line.trim();
                    if !text.is_empty() {
                        add(Account::parse(text).ok_or_else(|| text.chars().take(MOST_SHOWN).collect()));
                    }
                }
            }
        }
    }
    if wanted.is_empty() { Err(Failure::Usage("there is no account on standard input".into())) } else { Ok(wanted) }
}

/// The most characters shown of a line that is no account.
const MOST_SHOWN: usize = 40;

/// Releases the accounts one after the other, each in its own transaction, and reports each. One that fails does not
/// stop the others.
async fn release(
    out: &Out,
    target: &Target,
    wanted: &[Result<Account, String>],
    reason: &StaffReason,
) -> Result<(), Failure> {
    let office = Office::find(target).await?;
    let mut failed = Vec::new();
    for one in wanted {
        let (name, done) = match one {
            Ok(account) => {
                let ask = AdminCommand::ReleaseLock { account: account.clone(), why: reason.clone() };
                (account.to_string(), office.ask(ask).await)
            }
            Err(text) => (text.clone(), Err(Failure::Refused(format!("{text} is not an account number")))),
        };
        match done {
            Ok(answer) => out.say(&answer, || format!("{name}: released")),
            Err(Failure::Refused(why) | Failure::Usage(why) | Failure::Logged(why)) => {
                let told = json!({"account": name, "released": false, "error": why});
                out.say(&told, || if why.starts_with(&name) { why.clone() } else { format!("{name}: {why}") });
                failed.push(why);
            }
        }
    }
    office.close().await;
    match failed.as_slice() {
        [] => Ok(()),
        [why] => Err(Failure::Refused(why.clone())),
        several => Err(Failure::Refused(format!("{} of {} were not released", several.len(), wanted.len()))),
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
        (_, Some(_)) => cell(l, "until"),
        (_, None) => "released by hand".to_owned(),
    };
    rows.extend(locks.iter().map(|l| vec![cell(l, "account"), cell(l, "since"), until(l), cell(l, "unanswered")]));
    table(&rows)
}
