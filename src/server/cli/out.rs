//! The output of commands.

use crate::clock::Instant;
use serde_json::Value;
use std::io::Write;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Refused or impossible: exit status 1.
    Refused(String),
    /// Wrong usage: exit status 2.
    Usage(String),
    /// The same as [`Self::Refused`], and the log has the cause already.
    Logged(String),
}
impl Failure {
    /// A refusal with its cause.
    #[must_use]
    pub fn refused(cause: impl std::fmt::Display) -> Self {
        Self::Refused(cause.to_string())
    }
}

/// The output of a command: text for people, or one JSON value for machines.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    json: bool,
}
impl Out {
    /// With `json`, JSON; otherwise text.
    #[must_use]
    pub const fn new(json: bool) -> Self {
        Self { json }
    }
    /// Prints `value` as JSON, or `text`. A closed pipe is not an error.
    pub fn say(&self, value: &serde_json::Value, text: impl FnOnce() -> String) {
        let line = if self.json { value.to_string() } else { text() };
        let _ = writeln!(std::io::stdout(), "{}", tame(&line));
    }
    /// Prints why the command failed.
    pub fn failure(&self, failure: &Failure) {
        let (Failure::Refused(why) | Failure::Usage(why)) = failure else { return };
        let _ = if self.json {
            writeln!(std::io::stderr(), "{}", tame(&serde_json::json!({"error": why}).to_string()))
        } else {
            writeln!(std::io::stderr(), "renkei: {}", tame(why))
        };
    }
}

/// Staff sees text from unknown parties, for example a `kid`. Control characters and characters that change the writing
/// direction could control the terminal, so they are escaped like in JSON.
fn tame(text: &str) -> String {
    let order =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if order(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)))
        } else {
            out.push(c)
        }
        out
    })
}

/// The text or number at `name` as people read it, or a dash. A time is that of a Japanese clock, in every list and on every page of
/// staff; `--json` has it as the answer does (RFC 3339 in UTC).
#[must_use]
pub fn cell(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => time(text).map_or_else(|| text.clone(), Instant::japanese),
        Value::Number(number) => number.to_string(),
        _ => "-".to_owned(),
    }
}

/// The time that [`Instant::rfc3339`] wrote; `None` for any other text.
fn time(text: &str) -> Option<Instant> {
    let read = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(Instant::from_millis(read.timestamp_millis())).filter(|at| at.rfc3339() == text)
}

/// Aligned columns; the first row is the heading. Widths are in characters; wide characters count twice.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let wide = |s: &str| {
        s.chars().map(|c| if u32::from(c) >= 0x1100 && !('｡'..='ﾟ').contains(&c) { 2 } else { 1 }).sum::<usize>()
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|i| rows.iter().filter_map(|r| r.get(i)).map(|c| wide(c)).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(c, w)| format!("{c}{}", " ".repeat(w - wide(c))));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_japanese_clock() {
        let answer = serde_json::json!({
            "at": "2026-11-25T15:00:01.999Z", "none": null, "name": "yesterday", "written": "2026-11-25", "count": 3,
        });
        assert_eq!(cell(&answer, "at"), "2026-11-26 00:00:01 JST");
        for (name, want) in
            [("none", "-"), ("name", "yesterday"), ("written", "2026-11-25"), ("count", "3"), ("x", "-")]
        {
            assert_eq!(cell(&answer, name), want);
        }
    }

    #[test]
    fn a_strangers_words_give_the_terminal_no_orders() {
        let record = serde_json::json!({"kid": "かけい簿\u{9b}2J\u{7f}\u{202e}b"});
        assert_eq!(tame(&record.to_string()), "{\"kid\":\"かけい簿\\u009b2J\\u007f\\u202eb\"}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&tame(&record.to_string())).ok(), Some(record));
        assert_eq!(tame("two\nlines\r\u{1b}[0m"), "two\nlines\\u000d\\u001b[0m");
    }
}
