//! `renkei key list`: our own signing keys.

use super::ask::once;
use super::block_on;
use super::grant::cell;
use super::out::{Failure, Out, table};
use super::target::Target;
use crate::admin::Ask;
use serde_json::Value;

/// Look at the signing keys.
#[derive(Debug, clap::Subcommand)]
pub enum Key {
    /// Every key: its algorithm, where it stands in its life, since when.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
}

impl Key {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn run(self, out: &Out) -> Result<(), Failure> {
        let Self::List { target } = self;
        let answer = block_on(once(&target, Ask::Keys))?;
        out.say(&answer, || listed(&answer));
        Ok(())
    }
}

fn listed(answer: &Value) -> String {
    let keys = answer["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        return "no server has made keys here yet".into();
    }
    let columns = ["kid", "alg", "state", "created_at", "activated_at", "retired_at"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(keys.iter().map(|k| columns.iter().map(|name| cell(k, name)).collect()));
    table(&rows)
}
