//! `GET /metrics` of `admin.listen`: everything that is counted, in OpenMetrics. Only atomic numbers and the last look of
//! the background job are read, so a scrape neither asks nor waits for the store.

use super::meters::STATUSES;
use super::{App, Shared};
use crate::alarm::AlarmKind;
use crate::fact::{Durations, FactKind};
use crate::store;
use actix_web::HttpResponse;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`
pub async fn get(app: Shared) -> HttpResponse {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(app.into_inner())));
    let mut page = String::new();
    match text::encode(&mut page, &registry) {
        Ok(()) => HttpResponse::Ok().content_type(CONTENT_TYPE).body(page),
        Err(fmt::Error) => HttpResponse::InternalServerError().finish(),
    }
}

/// The server as a page of metrics.
struct Page(Arc<App>);
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page(…)")
    }
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

/// One family of metrics after another.
struct Writer<'a>(DescriptorEncoder<'a>);
impl Writer<'_> {
    fn counter<'l>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl IntoIterator<Item = (Labels<'l>, u64)>,
    ) -> fmt::Result {
        let name = format!("renkei_{name}");
        let mut family = self.0.encode_descriptor(&name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            if labels.is_empty() {
                family.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
            } else {
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
            }
        }
        Ok(())
    }
    fn gauge<'l>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl IntoIterator<Item = (Labels<'l>, f64)>,
    ) -> fmt::Result {
        let name = format!("renkei_{name}");
        let mut family = self.0.encode_descriptor(&name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            if labels.is_empty() {
                family.encode_gauge(&value)?;
            } else {
                family.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
    fn histogram<'l>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl IntoIterator<Item = (Labels<'l>, &'l Durations)>,
    ) -> fmt::Result {
        let name = format!("renkei_{name}");
        let mut family = self.0.encode_descriptor(&name, help, None, MetricType::Histogram)?;
        for (labels, durations) in rows {
            let (sum, buckets) = durations.read();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if labels.is_empty() {
                family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            } else {
                family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (app, mut page) = (&*self.0, Writer(encoder));
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        page.gauge(("build", "The running program"), [(version, 1.0)])?;
        requests(app, &mut page)?;
        for kind in FactKind::ALL {
            page.counter((kind.as_str(), kind.help()), app.store.facts().of(*kind))?;
        }
        let [inactive, active] = app.meters.introspections();
        let introspections = [(vec![("active", "true")], active), (vec![("active", "false")], inactive)];
        page.counter(("introspections", "Introspections, by whether the token was active"), introspections)?;
        let over = [
            (vec![("limit", "answers")], app.limits.refused_answers()),
            (vec![("limit", "pushed_requests")], app.limits.refused_pushes()),
        ];
        page.counter(("client_limit_refusals", "Requests of clients over their limit (429)"), over)?;
        let alarms = AlarmKind::ALL.iter().map(|kind| (vec![("kind", kind.as_str())], app.alarms.count(*kind)));
        page.counter(("alarms", "Alarms, also those without a line of their own"), alarms)?;
        store(app, &mut page)?;
        let jobs = app.meters.jobs();
        let jobs = jobs.iter().map(|(name, since)| (vec![("job_name", *name)], since.as_secs_f64()));
        page.gauge(("job_last_success_seconds", "Time since a background job did its last round"), jobs)?;
        if let Some(days) = certificate_days(app) {
            page.gauge(("certificate_days", "Days until the server's certificate ends"), [(vec![], days)])?;
        }
        backlog(app, &mut page)
    }
}

/// Days until the server's certificate ends, if it has one.
pub fn certificate_days(app: &App) -> Option<f64> {
    let ends = app.meters.certificate_ends.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a few years")]
    (ends != 0).then(|| (ends - app.now().millis()) as f64 / 86_400_000.0)
}

fn requests(app: &App, page: &mut Writer<'_>) -> fmt::Result {
    let routes = app.meters.routes();
    let counts = routes.iter().flat_map(|meter| {
        let counts = STATUSES.iter().zip(&meter.statuses);
        counts.map(|(status, count)| {
            (vec![("route", meter.route.as_str()), ("status", *status)], count.load(Ordering::Relaxed))
        })
    });
    page.counter(("http_requests", "Requests, by route and class of status"), counts)?;
    let used = routes.iter().filter(|meter| meter.statuses.iter().any(|count| count.load(Ordering::Relaxed) > 0));
    let durations = used.map(|meter| (vec![("route", meter.route.as_str())], &meter.durations));
    page.histogram(("http_request_duration_seconds", "How long requests took"), durations)?;
    let refusals = app.refusals.counts();
    let refusals =
        refusals.iter().map(|(route, reason, count)| (vec![("route", &**route), ("reason", *reason)], *count));
    page.counter(("refusals", "Refused requests, by route and reason"), refusals)
}

fn store(app: &App, page: &mut Writer<'_>) -> fmt::Result {
    let load: &store::StoreLoad = app.store.load();
    #[expect(clippy::cast_precision_loss, reason = "the queue is short")]
    let waiting = load.waiting() as f64;
    page.gauge(("store_queue", "Units of work that wait for their turn at the store"), [(vec![], waiting)])?;
    page.histogram(("store_wait_seconds", "How long they waited"), [(vec![], load.waits())])?;
    page.counter(("store_retries", "Units of work that ran again after a conflict"), [(vec![], load.retries())])?;
    page.counter(("store_unavailable", "Units of work that the store refused (503)"), [(vec![], load.unavailable())])?;
    let degraded = f64::from(u8::from(app.store.degraded().is_some()));
    page.gauge(("store_endings_only", "1 while the disk is full"), [(vec![], degraded)])
}

#[expect(clippy::cast_precision_loss, reason = "counts up to ten thousand")]
fn backlog(app: &App, page: &mut Writer<'_>) -> fmt::Result {
    let Some(backlog) = app.meters.backlog.load_full() else { return Ok(()) };
    let now = app.now();
    let ages = backlog.oldest.iter().map(|(table, at)| (vec![("table", *table)], now.since(*at).as_secs_f64()));
    page.gauge(("table_oldest_seconds", "Age of the oldest row, by the time that housekeeping reads"), ages)?;
    let notices = backlog.notices.iter().map(|(state, count)| (vec![("state", *state)], *count as f64));
    page.gauge(("notices_undelivered", "Notices in the outbox, counted up to 10000"), notices)?;
    let streams = backlog.streams.iter().map(|(status, count)| (vec![("status", *status)], *count as f64));
    page.gauge(("streams", "Streams of events, by status"), streams)?;
    page.gauge(("streams_failing", "Streams whose endpoint fails"), [(vec![], backlog.failing as f64)])?;
    let dead = "Events that receivers refused, counted up to 10000";
    page.gauge(("stream_dead_letters", dead), [(vec![], backlog.dead_letters as f64)])
}
