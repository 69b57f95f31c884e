//! Reads the file, the environment and the secret files.

use super::read::read;
use super::{Config, LogFormat};
use crate::keys::guarded;
use crate::secret::Secret;
use std::path::{Path, PathBuf};

/// The prefix of environment variables that override a key.
pub(super) const PREFIX: &str = "RENKEI__";
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What is wrong and where.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        why: String,
    },
    /// A file with a secret cannot be read, or others may read it.
    #[error(transparent)]
    Secret(#[from] guarded::Error),
    /// A line of the configuration is invalid.
    #[error("{}:{line}: {key}{why}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key with a colon; empty if it is unknown.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// An environment variable is invalid.
    #[error("{name}: {why}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A value is well-formed but cannot be used.
    #[error("{key}: {why}")]
    Key {
        /// Section and key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// More than one mistake, one a line.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<Self>),
}
impl Error {
    /// These mistakes as one.
    #[must_use]
    pub fn of(mut mistakes: Vec<Self>) -> Self {
        if mistakes.len() == 1 { mistakes.remove(0) } else { Self::Several(mistakes) }
    }
}

/// Reads `path`, applies the overrides of `environment`, and checks the whole.
///
/// # Errors
/// Every mistake, with line and key.
pub fn load(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Config, Error> {
    read(path, environment).whole().map(|(config, _)| config)
}

/// `server.log_format` of a configuration that is invalid otherwise, so that its error can be said in this format.
#[must_use]
pub fn format_of_log(path: &Path, environment: impl Iterator<Item = (String, String)>) -> LogFormat {
    let variable = environment.filter(|(name, _)| name == "RENKEI__SERVER__LOG_FORMAT").map(|(_, value)| value).last();
    let text = read_text(path).unwrap_or_default();
    let line = line_of(&text, "server.log_format").and_then(|line| text.lines().nth(line - 1));
    let value = variable.or_else(|| Some(line?.split_once('=')?.1.split('#').next()?.trim().to_owned()));
    match value.as_deref().map(|value| value.trim_matches(['"', '\''])) {
        Some("text") => LogFormat::Text,
        _ => LogFormat::Json,
    }
}

/// Keys of an earlier release, and what replaces them.
const REPLACED: [(&str, &str); 3] = [
    ("allow_networks", "institution.networks, and allow_networks in the record of a client, stand in its place"),
    ("unify_account_error", "it did not hide which accounts exist; [limits] says how many answers a network gets"),
    ("unfinished_per_address", "limits.starts and identity.unfinished stand in its place"),
];

/// The parser's message, and for a removed key what replaces it.
pub(super) fn said(e: &toml::de::Error) -> String {
    let said = e.message();
    let gone = |(key, _): &&(&str, &str)| said.starts_with(&format!("unknown field `{key}`"));
    REPLACED.iter().find(gone).map_or_else(|| said.to_owned(), |(_, now)| format!("{said}; {now}"))
}

/// The line, from 1, of `section.name`; the line of the section if the key is not in the file.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let (section, name) = key.split_once('.')?;
    let (mut inside, mut found) = (false, None);
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if let Some(header) = line.strip_prefix('[') {
            inside = header.split(']').next().is_some_and(|header| header.trim() == section);
            found = if inside { Some(number) } else { found };
        } else if inside && line.split_once('=').is_some_and(|(key, _)| key.trim() == name) {
            return Some(number);
        }
    }
    found
}

pub(super) fn read_text(path: &Path) -> Result<String, Error> {
    let fail = |why: String| Error::File { path: path.to_owned(), why };
    let size = std::fs::metadata(path).map_err(|e| fail(e.to_string()))?.len();
    if size > MAX_FILE {
        return Err(fail("is over 1 MiB".into()));
    }
    std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))
}

/// The secret of a `*_file` key: the file's text without the line end.
///
/// # Errors
/// The file cannot be read, is empty, or other users may read it, so that it is not secret.
pub fn secret_file(path: &Path) -> Result<Secret, Error> {
    guarded::check(path)?;
    let text = zeroize::Zeroizing::new(read_text(path)?);
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Error::File { path: path.to_owned(), why: "is empty".into() });
    }
    Ok(Secret::new(text))
}
