//! The log: which lines are written, and how.

mod fields;

use crate::config::LogFormat;
use crate::traces::Traces;
use arc_swap::ArcSwap;
use fields::JsonFields;
use std::io::IsTerminal as _;
use std::sync::Arc;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

/// Structured logs on standard error: ours at `level`, of libraries only warnings. Nothing of the HTTP parser: it logs
/// an error for each malformed request, so anybody could fill the log and cause alarms about errors.
pub fn logs(level: &str, format: LogFormat, traces: Option<&Traces>) -> LogLevel {
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).fmt_fields(JsonFields).boxed(),
        LogFormat::Text => lines.with_target(false).boxed(),
    };
    let chosen = LogLevel(Arc::new(ArcSwap::from_pointee(targets(level))));
    // Each has its own filter: with `warn` there are few lines, and all the same traces.
    let written = lines.with_filter(chosen.clone());
    let _ = tracing_subscriber::registry().with(written).with(traces.map(Traces::layer)).try_init();
    chosen
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
}

impl Filter<Registry> for LogLevel {
    fn enabled(&self, line: &Metadata<'_>, _: &Context<'_, Registry>) -> bool {
        self.0.load().would_enable(line.target(), line.level())
    }
    fn callsite_enabled(&self, line: &'static Metadata<'static>) -> Interest {
        match self.0.load().would_enable(line.target(), line.level()) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }
}
