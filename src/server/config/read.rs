//! Reads file and environment key by key, so that every mistake is found at once. What cannot be read is replaced by the value of
//! `config/default.toml`: then the other rules can be checked, and nothing is said about the replaced key twice.

use super::load::{PREFIX, read_text, said};
use super::origins::Origins;
use super::{Config, Error, check};
use std::collections::BTreeSet;
use std::path::Path;
use toml::de::DeTable;
use toml::{Table, Value};

/// The reference, which has a fitting value for each required key.
const REFERENCE: &str = include_str!("../../../config/default.toml");

/// What was read.
#[derive(Debug)]
pub struct Reading {
    /// The configuration, with replaced values where there are mistakes. `None` if the file is no TOML.
    pub config: Option<Config>,
    /// Where each value came from.
    pub origins: Origins,
    /// What is wrong, in the order of the lines.
    pub mistakes: Vec<Error>,
    /// The keys (`section.key`) that have a mistake.
    pub wrong: BTreeSet<String>,
}

impl Reading {
    /// The configuration if nothing is wrong.
    ///
    /// # Errors
    /// Every mistake.
    pub fn whole(self) -> Result<(Config, Origins), Error> {
        match (self.config, self.mistakes.len()) {
            (Some(config), 0) => Ok((config, self.origins)),
            _ => Err(Error::of(self.mistakes)),
        }
    }
    /// Notes a further mistake in `key`, unless this key has one already.
    pub fn note(&mut self, key: &str, why: impl Into<String>) {
        if !self.wrong.contains(key) {
            self.mistakes.push(self.origins.mistake(key, why));
        }
    }
}

/// Reads `path`, applies the overrides of `environment`, and checks the whole.
#[must_use]
pub fn read(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Reading {
    let nothing = |mistakes| Reading { config: None, origins: Origins::default(), mistakes, wrong: BTreeSet::new() };
    let text = match read_text(path) {
        Ok(text) => text,
        Err(cause) => return nothing(vec![cause]),
    };
    let (parsed, broken) = DeTable::parse_recoverable(&text);
    let at = |e: &toml::de::Error| e.span().map_or(0, |span| span.start);
    let line = |at: usize| text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    if !broken.is_empty() {
        let one = |e: &toml::de::Error| Error::Line {
            path: path.to_owned(),
            line: line(at(e)),
            key: String::new(),
            why: e.message().to_owned(),
        };
        return nothing(broken.iter().map(one).collect());
    }
    let origins = Origins::of_file(path, &text, parsed.get_ref());
    let (table, reference) = match (toml::from_str::<Table>(&text), toml::from_str::<Table>(REFERENCE)) {
        (Ok(table), Ok(reference)) => (table, reference),
        (Err(cause), _) | (_, Err(cause)) => {
            return nothing(vec![Error::File { path: path.to_owned(), why: cause.message().to_owned() }]);
        }
    };
    let mut merge = Merge { table: Table::new(), reference, origins, mistakes: Vec::new(), wrong: BTreeSet::new() };
    merge.file(table);
    merge.environment(environment);
    merge.missing();
    let Merge { table, origins, mut mistakes, mut wrong, .. } = merge;
    let config = match table.try_into::<Config>() {
        Ok(config) => config.relative_to(path.parent().unwrap_or(Path::new("."))),
        Err(cause) => {
            // Each key fits by itself.
            mistakes.push(Error::File { path: path.to_owned(), why: said(&cause) });
            return Reading { config: None, origins, mistakes, wrong };
        }
    };
    let broken: Vec<_> = check::all(&config).into_iter().filter(|(key, _)| !wrong.contains(*key)).collect();
    for (key, why) in broken {
        mistakes.push(origins.mistake(key, why));
        wrong.insert(key.to_owned());
    }
    mistakes.sort_by_key(|mistake| if let Error::Line { line, .. } = mistake { *line } else { usize::MAX });
    Reading { config: Some(config), origins, mistakes, wrong }
}

/// What is put together from file and environment.
struct Merge {
    table: Table,
    reference: Table,
    origins: Origins,
    mistakes: Vec<Error>,
    wrong: BTreeSet<String>,
}
impl Merge {
    /// Whether the reference with this value in its place is a configuration.
    fn fits(&self, section: &str, key: &str, value: &Value) -> Result<(), String> {
        let mut with = self.reference.clone();
        match with.entry(section).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(keys) => drop(keys.insert(key.to_owned(), value.clone())),
            _ => return Err("names no section".into()),
        }
        with.try_into::<Config>().map(drop).map_err(|e| said(&e))
    }
    fn put(&mut self, section: &str, key: &str, value: Value) {
        if let Value::Table(keys) = self.table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
            keys.insert(key.to_owned(), value);
        }
    }
    /// Notes a mistake, and puts the reference's value in place, if it has one.
    fn refuse(&mut self, section: &str, key: &str, mistake: Error) {
        self.mistakes.push(mistake);
        self.wrong.insert(format!("{section}.{key}"));
        if let Some(value) = self.reference.get(section).and_then(|keys| keys.get(key)).cloned() {
            self.put(section, key, value);
        }
    }
    fn file(&mut self, table: Table) {
        if table.clone().try_into::<Config>().is_ok() {
            self.table = table;
            return;
        }
        for (section, keys) in table {
            match keys {
                Value::Table(keys) if self.reference.contains_key(&section) => {
                    for (key, value) in keys {
                        match self.fits(&section, &key, &value) {
                            Ok(()) => self.put(&section, &key, value),
                            Err(why) => {
                                let mistake = self.origins.mistake(&format!("{section}.{key}"), why);
                                self.refuse(&section, &key, mistake);
                            }
                        }
                    }
                }
                other => {
                    let mut with = self.reference.clone();
                    with.insert(section.clone(), other);
                    let why = with.try_into::<Config>().map_or_else(|e| said(&e), |_| "is no section".into());
                    self.mistakes.push(self.origins.mistake(&section, why));
                }
            }
        }
    }
    fn environment(&mut self, environment: impl Iterator<Item = (String, String)>) {
        for (name, text) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let lower = rest.to_ascii_lowercase();
            let wrong = |why: &str| Error::Variable { name: name.clone(), why: why.to_owned() };
            let Some((section, key)) = lower.split_once("__") else {
                self.mistakes.push(wrong("must be RENKEI__SECTION__KEY"));
                continue;
            };
            // A value that parses as TOML (number, boolean, list) is TOML; any other is text.
            let read = toml::from_str::<Table>(&format!("v = {text}")).ok().and_then(|mut t| t.remove("v"));
            let value = read.unwrap_or(Value::String(text));
            match self.fits(section, key, &value) {
                Ok(()) => {
                    self.put(section, key, value);
                    self.origins.overridden(format!("{section}.{key}"), &name);
                }
                Err(why) => self.refuse(section, key, wrong(&why)),
            }
        }
    }
    /// Notes the required keys that nobody gave.
    fn missing(&mut self) {
        if self.table.clone().try_into::<Config>().is_ok() {
            return;
        }
        let reference = self.reference.clone();
        for (section, keys) in &reference {
            let Value::Table(keys) = keys else { continue };
            for key in keys.keys() {
                if self.table.get(section).is_some_and(|given| given.get(key).is_some()) {
                    continue;
                }
                let mut without = reference.clone();
                if let Some(Value::Table(keys)) = without.get_mut(section) {
                    keys.remove(key);
                }
                if without.try_into::<Config>().is_err() {
                    let mistake = self.origins.mistake(&format!("{section}.{key}"), "is missing");
                    self.refuse(section, key, mistake);
                }
            }
        }
    }
}
