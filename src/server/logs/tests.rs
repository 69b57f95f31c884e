use super::*;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::io;
use std::sync::{Mutex, PoisonError};
use tracing::field::Empty;

#[derive(Clone, Default)]
struct WrittenLines(Arc<Mutex<Vec<u8>>>);
impl io::Write for WrittenLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of what `log` does, as JSON.
fn lines(traces: Option<&Traces>, log: impl FnOnce(&LogLevel)) -> Vec<Value> {
    let written = WrittenLines::default();
    let writer = written.clone();
    let (lines, level) = lines_to(move || writer.clone(), false, "info", LogFormat::Json, traces);
    tracing::dispatcher::with_default(&lines, || log(&level));
    let bytes = written.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn show(value: &impl Debug) -> String {
    format!("{value:?}")
}

#[test]
fn a_line_has_the_fields_of_its_span() {
    let read = lines(None, |_| {
        let span = tracing::info_span!(
            "http",
            route = "/x",
            late = Empty,
            never = Empty,
            yes = true,
            n = 3_u64,
            f = 0.5,
            nan = f64::NAN,
            odd = "店\"\\\n\u{7f}",
            d = debug("a\"b")
        );
        span.record("late", -1);
        tracing::info!(parent: &span, "line");
    });
    let want = json!({"name": "http", "route": "/x", "late": -1, "yes": true, "n": 3, "f": 0.5, "nan": null,
        "odd": "店\"\\\n\u{7f}", "d": show(&"a\"b")});
    assert_eq!(read[0]["span"], want);
}

#[test]
fn a_span_whose_fields_all_come_late() {
    let read = lines(None, |_| {
        let span = tracing::info_span!("http", one = Empty, two = Empty);
        span.record("two", "b");
        span.record("one", "a");
        tracing::info!(parent: &span, "line");
    });
    assert_eq!(read[0]["span"], json!({"name": "http", "one": "a", "two": "b"}));
}

/// Up and down again, with traces and without.
#[test]
fn the_level_changes_while_the_program_runs() {
    let traces = Traces::of_nobody();
    for traces in [None, Some(&traces)] {
        let said = |n: u32| {
            let span = tracing::info_span!("http", n);
            let _in_span = span.enter();
            tracing::debug!("debug {n}");
            tracing::info!("info {n}");
            tracing::warn!("warn {n}");
            tracing::error!(target: "actix_http::h1", "of the parser");
            tracing::info!(target: "hyper", "of a library");
        };
        let read = lines(traces, |level| {
            for (n, name) in ["info", "debug", "warn", "info"].into_iter().enumerate() {
                level.set(name);
                said(n as u32);
            }
        });
        let read: Vec<_> = read.iter().map(|line| line["message"].as_str().unwrap()).collect();
        let want = ["info 0", "warn 0", "debug 1", "info 1", "warn 1", "warn 2", "info 3", "warn 3"];
        assert_eq!(read, want, "with traces: {}", traces.is_some());
    }
}
