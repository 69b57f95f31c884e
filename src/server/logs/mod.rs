//! The log: which lines are written, and how. A line is JSON or text on standard error; what a span says about a request stands in each
//! of its lines.

mod fields;
#[cfg(test)]
mod tests;

use crate::config::LogFormat;
use crate::traces::Traces;
use arc_swap::ArcSwap;
use fields::JsonFields;
use std::io::IsTerminal as _;
use std::sync::Arc;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Filter, Layer, SubscriberExt as _};
use tracing_subscriber::{Registry, fmt};

/// Structured logs on standard error: ours at `level`, of libraries only warnings. Nothing of the HTTP parser: it logs
/// an error for each malformed request, so anybody could fill the log and cause alarms about errors.
pub fn logs(level: &str, format: LogFormat, traces: Option<&Traces>) -> LogLevel {
    let (lines, level) = lines_to(std::io::stderr, std::io::stderr().is_terminal(), level, format, traces);
    let _ = tracing::dispatcher::set_global_default(lines);
    level
}

/// The same, written to `writer`, for whoever makes it the default. `ansi`: with colours.
pub fn lines_to<W: for<'a> MakeWriter<'a> + Send + Sync + 'static>(
    writer: W,
    ansi: bool,
    level: &str,
    format: LogFormat,
    traces: Option<&Traces>,
) -> (Dispatch, LogLevel) {
    let lines = fmt::layer().with_writer(writer).with_ansi(ansi);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).fmt_fields(JsonFields).boxed(),
        LogFormat::Text => lines.with_target(false).boxed(),
    };
    let level = LogLevel(Arc::new(ArcSwap::from_pointee(targets(level))));
    let all = tracing_subscriber::registry();
    // With traces each has its own filter: with `warn` there are few lines, and all the same traces. A filter for one layer costs
    // several look-ups for each span. Without traces there is one layer, so the filter is for all.
    let lines = match traces {
        Some(traces) => Dispatch::new(all.with(lines.with_filter(level.clone())).with(traces.layer())),
        None => Dispatch::new(all.with(lines).with(level.clone())),
    };
    (lines, level)
}

fn targets(level: &str) -> Targets {
    let ours = level.parse().unwrap_or(LevelFilter::INFO);
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("actix_http", LevelFilter::OFF)
        .with_target("renkei", ours)
}

/// The level of the log, which can change while the program runs. Unlike the library's filters of that kind it takes no lock when a
/// span begins, is entered or ends.
#[derive(Debug, Clone)]
pub struct LogLevel(Arc<ArcSwap<Targets>>);

impl LogLevel {
    /// Changes the level.
    pub fn set(&self, level: &str) {
        self.0.store(Arc::new(targets(level)));
        // Each place in the code remembers whether its lines are written.
        tracing::callsite::rebuild_interest_cache();
    }

    fn writes(&self, line: &Metadata<'_>) -> bool {
        self.0.load().would_enable(line.target(), line.level())
    }
    fn interest(&self, line: &Metadata<'_>) -> Interest {
        if self.writes(line) { Interest::always() } else { Interest::never() }
    }
    /// No line of a more detailed level is written.
    fn lowest(&self) -> Option<LevelFilter> {
        Filter::<Registry>::max_level_hint(&**self.0.load())
    }
}

/// For one layer.
impl Filter<Registry> for LogLevel {
    fn enabled(&self, line: &Metadata<'_>, _: &Context<'_, Registry>) -> bool {
        self.writes(line)
    }
    fn callsite_enabled(&self, line: &'static Metadata<'static>) -> Interest {
        self.interest(line)
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.lowest()
    }
}

/// For all layers.
impl<S: Subscriber> Layer<S> for LogLevel {
    fn enabled(&self, line: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.writes(line)
    }
    fn register_callsite(&self, line: &'static Metadata<'static>) -> Interest {
        self.interest(line)
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.lowest()
    }
}
