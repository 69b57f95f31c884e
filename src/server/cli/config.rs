//! `renkei config check|show`

use super::out::{Failure, Out};
use crate::config;
use crate::process::{self, StartSampleBank};
use std::path::{Path, PathBuf};

/// Check or show a configuration.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and the files it names. Print the first error with its line and key.
    Check {
        /// The configuration.
        #[command(flatten)]
        file: File,
        /// Do not read the files it names (secrets and certificates): for a machine that does not have them.
        #[arg(long)]
        without_files: bool,
    },
    /// Print the configuration that takes effect: defaults, file and environment. Secrets are masked.
    Show(File),
}
/// The file.
#[derive(Debug, clap::Args)]
pub struct File {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl ConfigCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// The error in the configuration.
    pub fn run(self, out: &Out, sample_bank: Option<StartSampleBank>) -> Result<(), Failure> {
        let (Self::Check { file, .. } | Self::Show(file)) = &self;
        let config = config::load(&file.config, std::env::vars()).map_err(Failure::refused)?;
        if let Self::Check { file, without_files } = &self {
            process::examine(&config, !without_files, sample_bank).map_err(|e| refused(&file.config, e))?;
            out.say(&serde_json::json!({"ok": true}), || format!("{}: ok", file.config.display()));
            return Ok(());
        }
        let value = config.shown().map_err(Failure::refused)?;
        let text = toml::to_string_pretty(&config.masked()).map_err(Failure::refused)?;
        out.say(&value, || text);
        Ok(())
    }
}

/// The error that a start would give, with its line in the configuration.
pub(super) fn refused(file: &Path, error: process::Error) -> Failure {
    match error {
        process::Error::Key { key, why } => Failure::refused(config::placed(file, key, why)),
        other => Failure::refused(other),
    }
}
