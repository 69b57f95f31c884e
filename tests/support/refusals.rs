//! The log lines of refusals, by request id: every refusal that a caller of a town reads has exactly one, with its code and a
//! reason. [`super::town::run`] compares them at the end of each test.

use super::http::RefusalAnswer;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

fn lines() -> &'static Mutex<HashMap<String, Vec<String>>> {
    static LINES: OnceLock<Mutex<HashMap<String, Vec<String>>>> = OnceLock::new();
    LINES.get_or_init(Mutex::default)
}

/// One line of the log.
pub(crate) fn note(line: &[u8]) {
    let Ok(line) = std::str::from_utf8(line) else { return };
    if line.contains("a request was refused")
        && let Some(id) = value(line, "request_id")
    {
        lines().lock().unwrap().entry(id.to_owned()).or_default().push(line.to_owned());
    }
}

/// The value of a field of a line.
pub(crate) fn value<'l>(line: &'l str, field: &str) -> Option<&'l str> {
    let rest = line.split_once(&format!("{field}="))?.1;
    rest.split([' ', '}']).next().map(|value| value.trim_matches('"').trim())
}

/// The lines of a request.
pub(crate) fn of(id: &str) -> Vec<String> {
    lines().lock().unwrap().get(id).cloned().unwrap_or_default()
}

/// Each has exactly one line.
#[track_caller]
pub(crate) fn each_is_in_the_log(refusals: &[RefusalAnswer]) {
    for refusal in refusals {
        let id = refusal.id.as_ref().unwrap_or_else(|| panic!("no X-Request-Id: {refusal:?}"));
        let lines = of(id);
        assert_eq!(lines.len(), 1, "{refusal:?}: {lines:#?}");
        let line = &lines[0];
        assert!(value(line, "reason").is_some_and(|reason| reason.len() > 2), "{refusal:?}: {line}");
        if !matches!(refusal.code.as_str(), "page" | "-") {
            assert_eq!(value(line, " code"), Some(refusal.code.as_str()), "{refusal:?}: {line}");
        }
    }
}
