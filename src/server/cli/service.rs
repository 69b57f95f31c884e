//! `renkei service off|on|show`: nobody can link while it is off.

use super::admin_client::once;
use super::block_on;
use super::grant::why;
use super::out::{Failure, Out, cell};
use super::target::Target;
use crate::admin::{AdminCommand, StaffReason};
use serde_json::Value;

/// Switch linking off for everybody, or on again. Links that exist live on.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Service {
    /// Nobody can link, on any node, from the next step on. A procedure under way ends at its next step, with R37.
    Off {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The reason, for the audit record.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Customers can link again.
    On {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The reason, for the audit record.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Say whether it is off, since when, by whom and why.
    Show {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
}

impl Service {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        let (target, command) = match self {
            Self::Off { target, reason } => (target, AdminCommand::SwitchService { off: true, why: reason }),
            Self::On { target, reason } => (target, AdminCommand::SwitchService { off: false, why: reason }),
            Self::Show { target } => (target, AdminCommand::Service),
        };
        let answer = block_on(once(&target, command))?;
        out.say(&answer, || sentence(&answer));
        Ok(())
    }
}

fn sentence(answer: &Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    match (answer["off"].as_bool(), answer["since"].as_str()) {
        (Some(true), Some(_)) => {
            format!("the service is off since {}, by {}: {}", cell(answer, "since"), text("by"), text("reason"))
        }
        (Some(true), None) => "the service is off: nobody can link".to_owned(),
        _ => "the service is on".to_owned(),
    }
}
