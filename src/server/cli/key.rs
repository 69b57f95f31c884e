//! `renkei key list|rotate`: our own signing keys.

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::admin::{AdminCommand, Rotation};
use crate::keys::jose::Alg;
use serde_json::Value;

/// Show or rotate the signing keys.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Key {
    /// List all keys with algorithm, state and times.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Publish the next keys now. A key signs when it has been published for `keys.publish_before`.
    Rotate {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Only keys of this algorithm: one of `keys.algorithms`.
        #[arg(long, value_parser = alg)]
        alg: Option<Alg>,
        /// For a stolen key: withdraw the old keys and sign with new ones at once. Apps that have cached the old keys fail
        /// until they fetch the new ones.
        #[arg(long)]
        now: bool,
    },
}

fn alg(text: &str) -> Result<Alg, String> {
    Alg::parse(text).ok_or_else(|| "the algorithm must be ES256, PS256, EdDSA or RS256".into())
}

impl Key {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List { target } => {
                let answer = block_on(once(&target, AdminCommand::Keys))?;
                out.say(&answer, || listed(&answer));
            }
            Self::Rotate { target, alg, now } => {
                let answer = block_on(once(&target, AdminCommand::RotateKeys(Rotation { alg, now })))?;
                out.say(&answer, || rotated(&answer));
            }
        }
        Ok(())
    }
}

fn rotated(answer: &Value) -> String {
    let said = match (&answer["warning"], answer["made"].as_u64(), answer["brought_forward"].as_u64()) {
        (Value::String(warning), ..) => format!("WARNING: {warning}"),
        (_, Some(0), Some(0)) => "the next keys were published before; they sign from activate_at on".to_owned(),
        _ => "the next keys are published; they sign from activate_at on".to_owned(),
    };
    format!("{said}\n{}", listed(answer))
}

fn listed(answer: &Value) -> String {
    let keys = answer["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        return "no server has made keys here yet".into();
    }
    let columns = ["kid", "alg", "state", "created_at", "activate_at", "activated_at", "retired_at"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(keys.iter().map(|k| columns.iter().map(|name| cell(k, name)).collect()));
    table(&rows)
}
