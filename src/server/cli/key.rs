//! `renkei key list|rotate`: our own signing keys.

use super::admin_client::once;
use super::block_on;
use super::grant::cell;
use super::out::{Failure, Out, table};
use super::target::Target;
use crate::admin::{AdminCommand, Rotation};
use crate::keys::jose::Alg;
use serde_json::Value;

/// Look at the signing keys, and rotate them.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Key {
    /// Every key: its algorithm, where it stands in its life, since when.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Publish a next key now; it signs once it was published long enough (`keys.publish_before`).
    Rotate {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// Keys of one algorithm only: ES256, PS256, EdDSA or RS256.
        #[arg(long, value_parser = alg)]
        alg: Option<Alg>,
        /// For a key in wrong hands: withdraw the old keys and sign with new ones at once. Apps that keep our keys fail
        /// until they fetch them again.
        #[arg(long)]
        now: bool,
    },
}

fn alg(text: &str) -> Result<Alg, String> {
    Alg::parse(text).ok_or_else(|| "not one of ES256, PS256, EdDSA, RS256".into())
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
        (_, Some(0), Some(0)) => "the next keys are published already; they sign as soon as they may".to_owned(),
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
