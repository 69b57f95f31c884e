//! `GET /readyz` of `admin.listen` and of the admin socket: each part of the server with its state, why it is not well, and what to do.
//! [`judge`] is pure.

use super::metrics::certificate_days;
use super::{App, Shared};
use crate::admin::backlog::StoreBacklog;
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// Nothing to do.
    Ok,
    /// It works, and somebody should look at it.
    Degraded,
    /// It does not work.
    Failed,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// How it is.
    pub status: Condition,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What is known of this node.
#[derive(Debug, Clone)]
pub struct NodeState {
    /// Whether it does not stop.
    pub serving: bool,
    /// Whether the store answered the last probe.
    pub store_answers: bool,
    /// Whether the disk is full.
    pub endings_only: bool,
    /// Each background job with the time since it last did its round.
    pub jobs: Vec<(&'static str, Duration)>,
    /// Days until the certificate ends.
    pub certificate_days: Option<f64>,
    /// What waits in the store.
    pub backlog: Option<Arc<StoreBacklog>>,
    /// By how much the oldest notice that waits is late.
    pub oldest_notice: Option<Duration>,
}

/// No job pauses longer than an hour (`tokens.note_uses`), and most do not pause a minute.
fn pause(job: &str) -> Duration {
    if job == "last uses" { Duration::from_secs(3600 + 600) } else { Duration::from_secs(600) }
}

/// A certificate is renewed before its last month.
pub const CERTIFICATE_DAYS: f64 = 30.0;
/// A notice that waits for longer has a relay that does not take it.
const NOTICE: Duration = Duration::from_secs(3600);

/// Each part with its state.
#[must_use]
pub fn judge(node: &NodeState) -> Vec<Component> {
    let well = |name: &str| Component { name: name.into(), status: Condition::Ok, reason: None, advice: None };
    let not = |name: &str, status, reason: String, advice: &str| Component {
        name: name.into(),
        status,
        reason: Some(reason),
        advice: Some(advice.into()),
    };
    let mut all = Vec::new();
    all.push(if node.serving {
        well("server")
    } else {
        not("server", Condition::Failed, "the server stops".into(), "Wait until it has stopped, and start it again.")
    });
    all.push(if node.store_answers {
        well("store")
    } else {
        let advice = "Look for WARN and ERROR lines of the store in the log, and at the database.";
        not("store", Condition::Failed, "the store does not answer within two seconds".into(), advice)
    });
    all.push(if node.endings_only {
        let advice = "Free some space; see “A full disk” in docs/operations.md.";
        not("disk", Condition::Degraded, "the disk is full: only endings are written".into(), advice)
    } else {
        well("disk")
    });
    let late = node.jobs.iter().filter(|(job, since)| *since > pause(job));
    let late: Vec<String> = late.map(|(job, since)| format!("{job} ({} minutes)", since.as_secs() / 60)).collect();
    all.push(if late.is_empty() {
        well("jobs")
    } else {
        let reason = format!("background jobs have not done their round: {}", late.join(", "));
        not("jobs", Condition::Degraded, reason, "Look for “a job failed” and “a job panicked” in the log.")
    });
    all.push(certificate(node.certificate_days, well, not));
    all.push(mail(node, well, not));
    all.push(streams(node.backlog.as_deref(), well, not));
    all.push(match node.backlog.as_ref().and_then(|backlog| backlog.off_since) {
        Some(since) => {
            let reason = format!("staff switched the service off at {}: nobody can link", since.japanese());
            not(
                "service",
                Condition::Degraded,
                reason,
                "Run `renkei service on --reason …` when customers may link again.",
            )
        }
        None => well("service"),
    });
    all
}

type Well = fn(&str) -> Component;
type Not = fn(&str, Condition, String, &str) -> Component;

fn certificate(days: Option<f64>, well: Well, not: Not) -> Component {
    let advice = "Renew server.tls_cert_file and server.tls_key_file, then send SIGHUP to the server.";
    match days {
        Some(days) if days <= 0.0 => {
            not("certificate", Condition::Failed, "the server's certificate has ended".into(), advice)
        }
        Some(days) if days < CERTIFICATE_DAYS => {
            let reason = format!("the server's certificate ends in {} days", days.floor());
            not("certificate", Condition::Degraded, reason, advice)
        }
        _ => well("certificate"),
    }
}

fn mail(node: &NodeState, well: Well, not: Not) -> Component {
    let advice = "Run `renkei notice list --reason …`, repair the relay, then `renkei notice retry ID`.";
    let counts = node.backlog.as_ref().map(|backlog| &backlog.notices);
    let failed = counts.and_then(|counts| counts.iter().find(|(state, _)| *state == "failed")).map_or(0, |(_, n)| *n);
    if failed > 0 {
        return not("mail", Condition::Degraded, format!("{failed} notices to customers were given up"), advice);
    }
    match node.oldest_notice {
        Some(age) if age > NOTICE => {
            let reason = format!("a notice to a customer has waited for {} minutes", age.as_secs() / 60);
            not("mail", Condition::Degraded, reason, advice)
        }
        _ => well("mail"),
    }
}

fn streams(backlog: Option<&StoreBacklog>, well: Well, not: Not) -> Component {
    let advice = "Run `renkei stream list`, and ask the receiver to repair its endpoint.";
    match backlog {
        Some(backlog) if backlog.failing > 0 => {
            let reason = format!("the endpoints of {} streams fail", backlog.failing);
            not("streams", Condition::Degraded, reason, advice)
        }
        Some(backlog) if backlog.dead_letters > 0 => {
            let reason = format!("receivers have refused {} events", backlog.dead_letters);
            not("streams", Condition::Degraded, reason, advice)
        }
        _ => well("streams"),
    }
}

fn state(app: &App) -> NodeState {
    let backlog = app.meters.backlog.load_full();
    let oldest = backlog.as_ref().and_then(|backlog| {
        let waits = backlog.notices.iter().any(|(state, count)| *state == "waiting" && *count > 0);
        backlog.oldest.iter().find(|(table, _)| waits && *table == "notices").map(|(_, at)| app.now().since(*at))
    });
    NodeState {
        serving: app.ready.load(Ordering::Acquire),
        store_answers: app.probe.answered(),
        endings_only: app.store.degraded().is_some(),
        jobs: app.meters.jobs().to_vec(),
        certificate_days: certificate_days(app),
        oldest_notice: oldest,
        backlog,
    }
}

/// `GET /readyz`
pub async fn ready(app: Shared) -> HttpResponse {
    let components = judge(&state(&app));
    let worst = components.iter().map(|component| component.status).max().unwrap_or(Condition::Ok);
    let (status, mut answer) = match worst {
        Condition::Ok => ("ready", HttpResponse::Ok()),
        Condition::Degraded => ("degraded", HttpResponse::Ok()),
        Condition::Failed => ("not ready", HttpResponse::ServiceUnavailable()),
    };
    answer.json(serde_json::json!({ "status": status, "components": components }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> NodeState {
        NodeState {
            serving: true,
            store_answers: true,
            endings_only: false,
            jobs: vec![("expiry", Duration::from_secs(12)), ("last uses", Duration::from_secs(3000))],
            certificate_days: Some(80.0),
            backlog: Some(Arc::new(StoreBacklog::default())),
            oldest_notice: Some(Duration::from_secs(60)),
        }
    }
    fn backlog(change: impl FnOnce(&mut StoreBacklog)) -> Option<Arc<StoreBacklog>> {
        let mut backlog = StoreBacklog::default();
        change(&mut backlog);
        Some(Arc::new(backlog))
    }

    #[test]
    fn each_part_says_what_is_wrong_with_it() {
        assert!(judge(&healthy()).iter().all(|c| c.status == Condition::Ok && c.reason.is_none()));
        let job = |name, seconds| vec![(name, Duration::from_secs(seconds))];
        for (node, name, status, reason) in [
            (NodeState { serving: false, ..healthy() }, "server", Condition::Failed, "stops"),
            (NodeState { store_answers: false, ..healthy() }, "store", Condition::Failed, "does not answer"),
            (NodeState { endings_only: true, ..healthy() }, "disk", Condition::Degraded, "the disk is full"),
            (NodeState { jobs: job("expiry", 660), ..healthy() }, "jobs", Condition::Degraded, "expiry (11 minutes)"),
            (NodeState { jobs: job("last uses", 4300), ..healthy() }, "jobs", Condition::Degraded, "last uses (71"),
            (NodeState { certificate_days: Some(29.9), ..healthy() }, "certificate", Condition::Degraded, "29 days"),
            (NodeState { certificate_days: Some(-1.0), ..healthy() }, "certificate", Condition::Failed, "has ended"),
            (
                NodeState { oldest_notice: Some(Duration::from_secs(3700)), ..healthy() },
                "mail",
                Condition::Degraded,
                "61 minutes",
            ),
            (
                NodeState {
                    backlog: backlog(|b| b.off_since = Some(crate::clock::Instant::from_secs(0))),
                    ..healthy()
                },
                "service",
                Condition::Degraded,
                "1970-01-01 09:00:00 JST",
            ),
            (
                NodeState { backlog: backlog(|b| b.notices = vec![("failed", 2)]), ..healthy() },
                "mail",
                Condition::Degraded,
                "2 notices",
            ),
            (
                NodeState { backlog: backlog(|b| b.failing = 1), ..healthy() },
                "streams",
                Condition::Degraded,
                "1 streams",
            ),
            (
                NodeState { backlog: backlog(|b| b.dead_letters = 3), ..healthy() },
                "streams",
                Condition::Degraded,
                "3 events",
            ),
        ] {
            let judged = judge(&node);
            let unwell: Vec<_> = judged.iter().filter(|c| c.status != Condition::Ok).collect();
            assert_eq!(unwell.len(), 1, "{name}: {unwell:?}");
            assert_eq!((unwell[0].name.as_str(), unwell[0].status), (name, status));
            assert!(unwell[0].reason.as_ref().is_some_and(|said| said.contains(reason)), "{:?}", unwell[0]);
            assert!(unwell[0].advice.is_some());
        }
        let edge = NodeState { jobs: job("last uses", 4200), certificate_days: None, ..healthy() };
        assert!(judge(&edge).iter().all(|c| c.status == Condition::Ok), "an hour between two rounds is usual");
    }
}
