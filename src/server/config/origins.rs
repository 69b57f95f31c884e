//! Where each value of a configuration came from: a line of the file, a variable of the environment, or the default.

use super::Error;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Where one value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of the file, from 1.
    Line(PathBuf, usize),
    /// A variable of the environment.
    Variable(String),
    /// Nobody said anything.
    Default,
}
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The origins of all values of one configuration.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    path: PathBuf,
    /// The line of each `section.key`, and of each `section`.
    lines: BTreeMap<String, usize>,
    /// The variable that overrides a `section.key`.
    variables: BTreeMap<String, String>,
}
impl Origins {
    /// The lines of a file.
    pub(super) fn of_file(path: &Path, text: &str, table: &DeTable<'_>) -> Self {
        let line = |at: usize| text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        let mut lines = BTreeMap::new();
        for (section, keys) in table {
            lines.insert(section.get_ref().to_string(), line(section.span().start));
            let DeValue::Table(keys) = keys.get_ref() else { continue };
            for key in keys.keys() {
                lines.insert(format!("{}.{}", section.get_ref(), key.get_ref()), line(key.span().start));
            }
        }
        Self { path: path.to_owned(), lines, variables: BTreeMap::new() }
    }
    pub(super) fn overridden(&mut self, key: String, variable: &str) {
        self.variables.insert(key, variable.to_owned());
    }
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Where the value of `section.key` came from.
    #[must_use]
    pub fn of(&self, key: &str) -> Origin {
        match (self.variables.get(key), self.lines.get(key)) {
            (Some(variable), _) => Origin::Variable(variable.clone()),
            (None, Some(line)) => Origin::Line(self.path.clone(), *line),
            (None, None) => Origin::Default,
        }
    }
    /// The mistake in `section.key`, with its line or variable. Where the file does not have the key: the line of its section, or
    /// the file.
    #[must_use]
    pub fn mistake(&self, key: &str, why: impl Into<String>) -> Error {
        let why = why.into();
        match self.of(key) {
            Origin::Variable(name) => Error::Variable { name, why },
            Origin::Line(path, line) => Error::Line { path, line, key: format!("{key}: "), why },
            Origin::Default => {
                let section = key.split_once('.').map_or(key, |(section, _)| section);
                match self.lines.get(section) {
                    Some(line) => Error::Line { path: self.path.clone(), line: *line, key: format!("{key}: "), why },
                    None => Error::File { path: self.path.clone(), why: format!("{key}: {why}") },
                }
            }
        }
    }
}
