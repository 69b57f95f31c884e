//! `renkei config check|show`

use super::out::{Failure, Out};
use crate::clock::{Clock as _, Instant, SystemClock};
use crate::config::{self, Config, Origins, Reading};
use crate::process::{self, StartSampleBank};
use serde_json::json;
use std::path::PathBuf;
use toml::{Table, Value};

/// Check or show a configuration.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and the files it names. Print every mistake with its line and key: what a start would refuse, and what
    /// cannot be right.
    Check {
        /// The configuration.
        #[command(flatten)]
        file: File,
        /// Do not read the files it names (secrets and certificates): for a machine that does not have them.
        #[arg(long)]
        without_files: bool,
    },
    /// Print the configuration that takes effect, and where each value came from: a line of the file, a variable of the environment,
    /// or the default. Secrets are masked.
    Show {
        /// The configuration.
        #[command(flatten)]
        file: File,
        /// With --json: where each value came from, in the place of the values.
        #[arg(long)]
        origins: bool,
    },
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
    /// The mistakes in the configuration.
    pub fn run(self, out: &Out, sample_bank: Option<StartSampleBank>) -> Result<(), Failure> {
        match self {
            Self::Check { file, without_files } => check(out, &file, !without_files, sample_bank),
            Self::Show { file, origins } => show(out, &file, origins),
        }
    }
}

fn check(out: &Out, file: &File, files: bool, sample_bank: Option<StartSampleBank>) -> Result<(), Failure> {
    let mistakes = mistakes(config::read(&file.config, std::env::vars()), files, sample_bank, SystemClock.now());
    if mistakes.is_empty() {
        out.say(&json!({"ok": true}), || format!("{}: ok", file.config.display()));
        return Ok(());
    }
    Err(Failure::refused(config::Error::of(mistakes)))
}

/// Every mistake in what was read and, with `files`, in the files it names at this time: what a start refuses, and what cannot be
/// right. `sample_bank` is the program's, if any.
#[must_use]
pub fn mistakes(
    mut read: Reading,
    files: bool,
    sample_bank: Option<StartSampleBank>,
    now: Instant,
) -> Vec<config::Error> {
    let Some(config) = read.config.take() else { return read.mistakes };
    let mut found = process::examine(&config, files, sample_bank);
    if files {
        found.extend(process::doubts(&config));
        // A host that cannot be read is none that a certificate could be for.
        if ["server.issuer", "server.mtls_base_url"].iter().all(|key| !read.wrong.contains(*key)) {
            found.extend(process::unfit_certificate(&config, now));
        }
    }
    for error in found {
        match error {
            process::Error::Key { key, why } => read.note(key, why),
            other => {
                read.mistakes.push(config::Error::File { path: read.origins.path().to_owned(), why: other.to_string() })
            }
        }
    }
    read.mistakes
}

fn show(out: &Out, file: &File, only_origins: bool) -> Result<(), Failure> {
    let read = config::read(&file.config, std::env::vars()).whole();
    let (config, origins) = read.map_err(Failure::refused)?;
    let values = Table::try_from(config.masked()).map_err(Failure::refused)?;
    let json = if only_origins { sources(&values, &origins) } else { config.shown().map_err(Failure::refused)? };
    out.say(&json, || with_origins(&values, &origins));
    Ok(())
}

/// Each `section.key` with its origin.
fn sources(values: &Table, origins: &Origins) -> serde_json::Value {
    let mut sources = serde_json::Map::new();
    for (section, keys) in values {
        for key in keys.as_table().into_iter().flat_map(Table::keys) {
            let name = format!("{section}.{key}");
            let origin = origins.of(&name).to_string();
            sources.insert(name, origin.into());
        }
    }
    sources.into()
}

/// The configuration as TOML, with the origin of each value beside it.
fn with_origins(values: &Table, origins: &Origins) -> String {
    let mut lines = Vec::new();
    for (section, keys) in values {
        lines.push(format!("[{section}]"));
        for (key, value) in keys.as_table().into_iter().flatten() {
            let origin = origins.of(&format!("{section}.{key}"));
            lines.push(format!("{key} = {}  # {origin}", one_line(value)));
        }
        lines.push(String::new());
    }
    lines.join("\n").trim_end().to_owned()
}
/// A value on one line, so that a comment may follow it.
fn one_line(value: &Value) -> String {
    match value {
        // JSON writes a line break in a text as TOML does, and never breaks the line.
        Value::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Array(values) => format!("[{}]", values.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The error of a start, with its line in the configuration.
pub(super) fn placed(origins: &Origins, error: process::Error) -> String {
    match error {
        process::Error::Key { key, why } => origins.mistake(key, why).to_string(),
        other => other.to_string(),
    }
}

/// Everything that a start would refuse, in one text; `None` if it would refuse nothing.
pub(super) fn refused(config: &Config, origins: &Origins, sample_bank: Option<StartSampleBank>) -> Option<String> {
    let found = process::examine(config, true, sample_bank);
    let lines: Vec<String> = found.into_iter().map(|error| placed(origins, error)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_on_one_line_and_reads_back() {
        let values: Table =
            toml::from_str("[a]\nb = \"\"\"one \\\"x\\\"\ntwo\"\"\"\nc = [\"x\", \"y\"]\nd = 3\ne = true").unwrap();
        let shown = with_origins(&values, &Origins::default());
        assert_eq!(shown.lines().count(), 5, "{shown}");
        assert!(shown.lines().skip(1).all(|line| line.ends_with("  # default")), "{shown}");
        assert_eq!(toml::from_str::<Table>(&shown).unwrap(), values);
    }
}
