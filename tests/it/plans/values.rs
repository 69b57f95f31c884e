//! The values that a statement runs with: those that hit most. What a parameter stands for is read from the statement itself.
//!
//! - `column = ?1`: the value of the first row of the table. The first row of each table belongs to the app that has all links,
//!   the account that has most, the link that has most events.
//! - `column < ?1`, `column > ?1`: a bound that lets every row through, and at [`Reach::End`] the bound at the other end.
//! - `limit ?1`: [`LIMIT`].
//! - a row that is inserted: that of the first row under a new key; with `on conflict`, under the same key at [`Reach::End`].

use super::catalog::Catalog;
use renkei_core::store::Value;
use std::collections::{BTreeMap, HashMap};

/// How many rows a list or a batch has at most.
pub(crate) const LIMIT: i64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// What hits most: the first row of each table, and bounds that let every row through.
    All,
    /// The same with one bound at the other end, or each: the oldest time instead of the newest.
    End(Option<usize>),
    /// An ordinary link and account, and bounds that let every row through.
    Ordinary,
}
impl Reach {
    /// No statement has a bound behind its eighth parameter.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        [Self::All, Self::Ordinary, Self::End(None)].into_iter().chain((1..=8).map(|n| Self::End(Some(n))))
    }
}

/// What a parameter is compared with, or becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Equal(String, String),
    Below(String, String),
    Above(String, String),
    Other(String, String),
    Limit,
    Assigned(String, String),
    Inserted(String, String),
}

impl Role {
    /// A comparison says more than an assignment.
    fn rank(&self) -> u8 {
        match self {
            Self::Equal(..) | Self::Limit => 0,
            Self::Below(..) | Self::Above(..) => 1,
            Self::Other(..) => 2,
            Self::Inserted(..) => 3,
            Self::Assigned(..) => 4,
        }
    }
}

/// Values of parameters that the statement does not show.
pub(crate) type Given = BTreeMap<usize, Value>;

/// The parameters of a statement, or the number of one whose meaning is unknown.
pub(crate) fn of(sql: &str, catalog: &Catalog, given: &Given, reach: Reach) -> Result<Vec<Value>, usize> {
    let words = words(sql);
    let tables = tables(&words, catalog);
    let mut roles: BTreeMap<usize, Role> = BTreeMap::new();
    let mut last = 0;
    for (at, word) in words.iter().enumerate() {
        let Some(n) = word.strip_prefix('?').and_then(|n| n.parse::<usize>().ok()) else { continue };
        last = last.max(n);
        if let Some(role) = role(&words, at, &tables, catalog) {
            let better = roles.get(&n).is_none_or(|known| role.rank() < known.rank());
            if better {
                roles.insert(n, role);
            }
        }
    }
    let again = sql.contains("on conflict");
    (1..=last)
        .map(|n| match (given.get(&n), roles.get(&n)) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(role)) => {
                let at_end = matches!(reach, Reach::End(of) if of.is_none_or(|of| of == n));
                Ok(value(role, catalog, reach == Reach::Ordinary, at_end, again))
            }
            (None, None) => Err(n),
        })
        .collect()
}

fn value(role: &Role, catalog: &Catalog, ordinary: bool, at_end: bool, again: bool) -> Value {
    let of_row = |t: &str, c: &str| if ordinary { catalog.ordinary(t, c) } else { catalog.first(t, c) };
    let new = |value: Value, int: i64, text: &str| match value {
        Value::Int(_) => int.into(),
        Value::Bytes(_) => text.as_bytes().to_vec().into(),
        _ => text.into(),
    };
    match role {
        Role::Limit => LIMIT.into(),
        Role::Equal(t, c) | Role::Assigned(t, c) => of_row(t, c),
        Role::Below(t, c) if at_end && catalog.is_number(t, c) => catalog.end(t, c, false),
        Role::Below(t, c) => catalog.beyond(t, c, true),
        Role::Above(t, c) if at_end && catalog.is_number(t, c) => catalog.end(t, c, true),
        // A page of a text's order begins with the first.
        Role::Above(t, c) => catalog.beyond(t, c, false),
        Role::Other(t, c) => new(catalog.first(t, c), -1, "none"),
        Role::Inserted(t, c) if catalog.is_unique(t, c) && !(again && at_end) => {
            new(catalog.first(t, c), 9_000_000_000_000_000_000, "new")
        }
        Role::Inserted(t, c) => of_row(t, c),
    }
}

fn role(words: &[String], at: usize, tables: &Tables, catalog: &Catalog) -> Option<Role> {
    let before = |n: usize| at.checked_sub(n).and_then(|i| words.get(i)).map_or("", String::as_str);
    let column = |name: &str, position: usize| tables.column(name, position, catalog);
    let compared = |op: &str, name: &str, position: usize| -> Option<Role> {
        let (table, column) = column(name, position)?;
        Some(match op {
            "=" | "is" => Role::Equal(table, column),
            "<" | "<=" => Role::Below(table, column),
            ">" | ">=" => Role::Above(table, column),
            "<>" => Role::Other(table, column),
            _ => return None,
        })
    };
    match before(1) {
        "limit" => return Some(Role::Limit),
        // `coalesce(column, '') = ?1`
        op @ ("=" | "<" | "<=" | ">" | ">=" | "<>") if before(2) == ")" => {
            let open = enclosing(words, at - 2)?;
            return (words.get(open.wrapping_sub(1))? == "coalesce")
                .then(|| compared(op, &words[open + 1], at))
                .flatten();
        }
        op @ ("=" | "<" | "<=" | ">" | ">=" | "<>") => {
            if op == "=" && is_assignment(words, at) {
                let (table, column) = column(before(2), at)?;
                return Some(Role::Assigned(table, column));
            }
            return compared(op, before(2), at);
        }
        "(" | "," | "select" => {}
        _ => return None,
    }
    // In brackets: a row value, `in (…)`, `values (…)`; or the list of an `insert … select`.
    let open = enclosing(words, at);
    if let (None, "insert", Some(select)) = (open, words[0].as_str(), words[..at].iter().rposition(|w| w == "select")) {
        return inserted(words, items_before(words, select + 1, at), catalog);
    }
    let position = open.map_or(0, |open| items_before(words, open + 1, at));
    let (opener, op) = match open {
        Some(open) if open >= 2 => (words[open - 1].as_str(), words[open - 2].as_str()),
        _ => ("", ""),
    };
    match opener {
        "in" => return compared("=", op, at),
        "=" | "<" | "<=" | ">" | ">=" if op == ")" => {
            let close = open? - 2;
            let begin = (0..close).rev().find(|i| words[*i] == "(")?;
            return compared(opener, words.get(begin + 1 + 2 * position)?, at);
        }
        "values" => return inserted(words, position, catalog),
        "coalesce" => {
            let open = open?;
            return compared(words[open - 2].as_str(), words.get(open + 1)?, at);
        }
        _ => {}
    }
    None
}

/// `set a = ?1, b = ?2 where`
fn is_assignment(words: &[String], at: usize) -> bool {
    let last = words[..at].iter().rposition(|w| w == "set" || w == "where" || w == "select" || w == "when");
    last.is_some_and(|i| words[i] == "set")
        && matches!(words.get(at.wrapping_sub(3)).map(String::as_str), Some("set" | ","))
}

fn inserted(words: &[String], position: usize, catalog: &Catalog) -> Option<Role> {
    let name = words.get(position * 2 + 4)?;
    let table = words.get(2)?;
    catalog.has(table, name).then(|| Role::Inserted(table.clone(), name.clone()))
}

/// The bracket that encloses a word.
fn enclosing(words: &[String], at: usize) -> Option<usize> {
    let mut depth = 0;
    for i in (0..at).rev() {
        match words[i].as_str() {
            ")" => depth += 1,
            "(" if depth == 0 => return Some(i),
            "(" => depth -= 1,
            _ => {}
        }
    }
    None
}

/// How many commas of the same level stand before a word.
fn items_before(words: &[String], from: usize, at: usize) -> usize {
    let (mut depth, mut commas) = (0, 0);
    for word in &words[from..at] {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => commas += 1,
            _ => {}
        }
    }
    commas
}

/// The tables that a statement names, each with its alias and its place.
struct Tables(Vec<(usize, String, String)>);

impl Tables {
    fn column(&self, name: &str, at: usize, catalog: &Catalog) -> Option<(String, String)> {
        if let Some((alias, column)) = name.split_once('.') {
            let nearest =
                self.nearest(at, |(_, table, a)| (a == alias || table == alias) && catalog.has(table, column));
            return nearest.map(|table| (table, column.to_owned()));
        }
        self.nearest(at, |(_, table, _)| catalog.has(table, name)).map(|table| (table, name.to_owned()))
    }
    fn nearest(&self, at: usize, fits: impl Fn(&(usize, String, String)) -> bool) -> Option<String> {
        let found: HashMap<bool, Vec<_>> = self.0.iter().filter(|t| fits(t)).fold(HashMap::new(), |mut all, t| {
            all.entry(t.0 < at).or_insert_with(Vec::new).push(t);
            all
        });
        let before = found.get(&true).and_then(|all| all.last());
        before.or_else(|| found.get(&false).and_then(|all| all.first())).map(|(_, table, _)| table.clone())
    }
}

fn tables(words: &[String], catalog: &Catalog) -> Tables {
    let mut found = Vec::new();
    for (i, word) in words.iter().enumerate() {
        if !["from", "join", "update", "into"].contains(&word.as_str()) {
            continue;
        }
        let Some(table) = words.get(i + 1).filter(|t| catalog.has_table(t)) else { continue };
        let alias = match words.get(i + 2).map(String::as_str) {
            Some("as") => words.get(i + 3).cloned(),
            Some(other) if other.chars().all(|c| c.is_ascii_alphanumeric()) && !KEYWORDS.contains(&other) => {
                Some(other.to_owned())
            }
            _ => None,
        };
        found.push((i, table.clone(), alias.unwrap_or_else(|| table.clone())));
    }
    Tables(found)
}
const KEYWORDS: &[&str] =
    &["where", "set", "on", "order", "group", "left", "join", "limit", "union", "returning", "values", "select"];

/// The words and signs of a statement, in small letters.
pub(crate) fn words(sql: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let c: Vec<char> = sql.chars().collect();
    let mut i = 0;
    while i < c.len() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '?';
        let length = match c[i] {
            '\'' => 2 + c[i + 1..].iter().take_while(|c| **c != '\'').count(),
            first if is_word(first) => c[i..].iter().take_while(|c| is_word(**c)).count(),
            '<' | '>' | '=' | '|' | ':' => c[i..].iter().take_while(|c| "<>=|:".contains(**c)).count(),
            _ => 1,
        };
        if !c[i].is_whitespace() {
            found.push(c[i..(i + length).min(c.len())].iter().collect::<String>());
        }
        i += length;
    }
    found
}
