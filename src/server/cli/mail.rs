//! `renkei mail test`: whether mail goes out.

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, cell};
use super::target::Target;
use crate::admin::AdminCommand;

/// See whether mail goes out.
#[derive(Debug, clap::Subcommand)]
pub(super) enum MailCommand {
    /// Send one real mail over the relay of the configuration, and say what became of it.
    Test {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The address. It is not recorded.
        #[arg(value_parser = address)]
        address: String,
    },
}

fn address(text: &str) -> Result<String, String> {
    let whole = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    let plain = text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if whole && plain { Ok(text.to_owned()) } else { Err("this is not a mail address".into()) }
}

impl MailCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Why the mail did not go out.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        let Self::Test { target, address } = self;
        let answer = block_on(once(&target, AdminCommand::TestMail { to: address }))?;
        out.say(&answer, || {
            let (relay, to) = (cell(&answer, "relay"), cell(&answer, "to"));
            format!("{relay} took the test mail for {to}. Look whether it arrives, also among the unwanted mail.")
        });
        Ok(())
    }
}
