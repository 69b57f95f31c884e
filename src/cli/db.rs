//! `renkei db check|migrate`

use super::ask::once;
use super::block_on;
use super::grant::cell;
use super::out::{Failure, Out, table};
use super::target::Target;
use crate::admin::Ask;
use crate::store::Options;
use serde_json::{Value, json};
use std::os::unix::net::UnixStream;

/// Look after the database.
#[derive(Debug, clap::Subcommand)]
pub enum Db {
    /// Say which schema files are applied, and whether the file is damaged.
    Check {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Apply the schema files that are pending. A starting server does the same.
    Migrate {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
}

impl Db {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it was refused, or that something does not fit.
    pub fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::Check { target } => {
                let answer = block_on(once(&target, Ask::Schema))?;
                out.say(&answer, || told(&answer));
                let files = answer["files"].as_array().map(Vec::as_slice).unwrap_or_default();
                if !files.iter().all(|f| f["state"] == "applied") {
                    return Err(Failure::Refused("the schema is not this program's".into()));
                }
                if answer["damage"].as_array().is_some_and(|d| !d.is_empty()) {
                    return Err(Failure::Refused("the database is damaged".into()));
                }
                Ok(())
            }
            Self::Migrate { target } => block_on(migrate(out, &target)),
        }
    }
}

async fn migrate(out: &Out, target: &Target) -> Result<(), Failure> {
    let at = target.locate()?;
    if at.is_sqlite() && UnixStream::connect(at.socket()).is_ok() {
        return Err(Failure::Refused("the server is running: it migrated when it started".into()));
    }
    let store = at.open_store(&Options { connections: 1, ..Options::default() })?;
    store.stop().await;
    out.say(&json!({"migrated": true}), || "every schema file is applied".into());
    Ok(())
}

fn told(answer: &Value) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for file in answer["files"].as_array().into_iter().flatten() {
        rows.push(vec![cell(file, "file"), cell(file, "state")]);
    }
    for damage in answer["damage"].as_array().into_iter().flatten() {
        rows.push(vec!["DAMAGED".into(), damage.as_str().unwrap_or_default().into()]);
    }
    table(&rows)
}
