//! `renkei stream list|show|test|pause|resume|replay`: the streams by which receivers hear of events.

use super::admin_client::once;
use super::audit::moment;
use super::block_on;
use super::grant::why;
use super::out::{Failure, Out, cell, table};
use super::target::Target;
use crate::admin::{AdminCommand, StaffReason, StreamAsk};
use crate::clock::Instant;
use crate::id::{EventId, StreamId};
use crate::stream::manage::Replayed;
use serde_json::Value;

/// Show, test, stop and repeat the streams of events to receivers.
#[derive(Debug, clap::Subcommand)]
pub(super) enum StreamCommand {
    /// Every stream: its status, how far it is behind, and what is in its way.
    List {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// One stream, with what it still tries and what its receiver refused, at most 100 of each.
    Show {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The stream.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: StreamId,
    },
    /// Send a verification.
    Test {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The stream.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: StreamId,
    },
    /// Hold all events, until staff resumes the stream: its receiver cannot.
    Pause {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The stream.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: StreamId,
        /// Why, for the audit record and for the receiver; do not name a customer.
        #[arg(long, value_parser = why)]
        reason: StaffReason,
    },
    /// Let a stream go on, whoever stopped it: what it held is sent.
    Resume {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The stream.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: StreamId,
    },
    /// Send events again: a receiver that has them already drops them.
    Replay {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The stream.
        #[arg(value_parser = id, allow_hyphen_values = true)]
        id: StreamId,
        /// Which events.
        #[command(flatten)]
        what: ReplayedArgs,
    },
}

/// The events to send again.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct ReplayedArgs {
    /// This event, as `show` names it; also one that the receiver refused.
    #[arg(long, value_parser = event, allow_hyphen_values = true)]
    event: Option<EventId>,
    /// All events from this day (JST) or moment (RFC 3339) on.
    #[arg(long, value_parser = moment)]
    since: Option<Instant>,
}
impl ReplayedArgs {
    fn what(self) -> Result<Replayed, Failure> {
        let since = self.since.map(Replayed::Since);
        let what = self.event.map(Replayed::Event).or(since);
        what.ok_or_else(|| Failure::Usage("--event EVENT or --since TIME".into()))
    }
}

fn id(text: &str) -> Result<StreamId, String> {
    StreamId::parse(text).ok_or_else(|| "this is no stream id".into())
}
fn event(text: &str) -> Result<EventId, String> {
    EventId::parse(text).ok_or_else(|| "this is no event id".into())
}

impl StreamCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        let ask = |target: &Target, ask| block_on(once(target, AdminCommand::Stream(ask)));
        let done = |answer: &Value, done: &str| out.say(answer, || describe_change(answer, done));
        match self {
            Self::List { target } => {
                let answer = ask(&target, StreamAsk::List)?;
                out.say(&answer, || listed(&answer));
            }
            Self::Show { target, id } => {
                let answer = ask(&target, StreamAsk::Show { id })?;
                out.say(&answer, || describe_stream(&answer));
            }
            Self::Test { target, id } => {
                done(&ask(&target, StreamAsk::Test { id })?, "a verification will be sent");
            }
            Self::Pause { target, id, reason } => {
                let answer = ask(&target, StreamAsk::Pause { id, why: reason })?;
                out.say(&answer, || format!("{}: paused", name(&answer)));
            }
            Self::Resume { target, id } => {
                let answer = ask(&target, StreamAsk::Resume { id })?;
                out.say(&answer, || format!("{}: enabled", name(&answer)));
            }
            Self::Replay { target, id, what } => {
                let what = what.what()?;
                let text = match &what {
                    Replayed::Event(event) => format!("event {event} will be sent again"),
                    Replayed::Since(from) => format!("the events since {} will be sent again", from.japanese()),
                };
                done(&ask(&target, StreamAsk::Replay { id, what })?, &text);
            }
        }
        Ok(())
    }
}

fn name(answer: &Value) -> String {
    format!("{} of {}", cell(answer, "stream_id"), cell(answer, "client_id"))
}

/// What was done. A paused stream sends nothing yet.
fn describe_change(answer: &Value, done: &str) -> String {
    let held = if answer["status"] == "paused" { " once the stream is resumed" } else { "" };
    format!("{}: {done}{held}", name(answer))
}

/// A cell on one line: a receiver's own words may hold several.
fn line(value: &Value, name: &str) -> String {
    cell(value, name).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `paused by staff`
fn status(stream: &Value) -> String {
    let by = stream["stopped_by"].as_str().map(|by| format!(" by {by}"));
    cell(stream, "status") + &by.unwrap_or_default()
}

fn listed(answer: &Value) -> String {
    let streams = rows(answer, "streams");
    if streams.is_empty() {
        return "there is no stream".into();
    }
    let columns = ["events_waiting", "tokens_open", "failing_since", "polled_at", "reason", "trouble"];
    let first = ["stream_id", "client_id", "method", "status"];
    let mut lines = vec![[first.as_slice(), columns.as_slice()].concat().into_iter().map(str::to_owned).collect()];
    lines.extend(streams.iter().map(|s| {
        let mut cells = vec![line(s, "stream_id"), line(s, "client_id"), line(s, "method"), status(s)];
        cells.extend(columns.map(|c| line(s, c)));
        cells
    }));
    let more = if answer["more"] == true { "\n(there are more)" } else { "" };
    table(&lines) + more
}

fn rows<'v>(answer: &'v Value, name: &str) -> &'v [Value] {
    answer[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn describe_stream(answer: &Value) -> String {
    let names = ["stream_id", "client_id", "method", "endpoint", "description"];
    let more = [
        "reason",
        "stopped_at",
        "events_waiting",
        "tokens_open",
        "failing_since",
        "attempts",
        "next_at",
        "trouble",
        "polled_at",
        "created_at",
    ];
    let row = |n: &str| vec![n.to_owned(), line(answer, n)];
    let mut lines: Vec<Vec<String>> = names.iter().map(|n| row(n)).collect();
    let verified = if answer["verified"] == true { "yes" } else { "no" };
    lines.push(vec!["verified".into(), verified.into()]);
    lines.push(vec!["status".into(), status(answer)]);
    lines.extend(more.iter().map(|n| row(n)));
    let requested = rows(answer, "events_requested");
    if requested.is_empty() {
        lines.push(vec!["events_requested".into(), "everything it may hear".into()]);
    }
    lines.extend(requested.iter().map(|kind| vec!["events_requested".into(), kind.as_str().unwrap_or("-").to_owned()]));
    let open = tokens(answer, "open_tokens", "still tried:", &[]);
    let dead = tokens(answer, "dead_letters", "refused by the receiver:", &["why"]);
    table(&lines) + &open + &dead
}

/// The tokens of a list, under a title; nothing if there are none.
fn tokens(answer: &Value, list: &str, title: &str, more: &[&str]) -> String {
    let found = rows(answer, list);
    if found.is_empty() {
        return String::new();
    }
    let columns = [["since", "jti", "part", "position", "event"].as_slice(), more].concat();
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|c| (*c).to_owned()).collect()];
    lines.extend(found.iter().map(|t| columns.iter().map(|c| line(t, c)).collect()));
    let more = if answer[format!("more_{list}")] == true { "\n(there are more)" } else { "" };
    format!("\n{title}\n{}{more}", table(&lines))
}
