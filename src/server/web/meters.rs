//! What this node counts beside the facts of the store: requests by route, introspections, and when each background job
//! ran. Atomic numbers only, so that counting costs a request nothing.

use crate::admin::backlog::StoreBacklog;
use crate::fact::Durations;
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The classes of statuses; the last is for requests whose caller left or that took too long.
pub const STATUSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "none"];

/// The requests of one route.
#[derive(Debug)]
pub struct RouteMeter {
    /// Its pattern.
    pub route: String,
    /// Requests by class of status.
    pub statuses: [AtomicU64; STATUSES.len()],
    /// How long they took.
    pub durations: Durations,
}

/// The background jobs.
pub const JOBS: [&str; 9] =
    ["notices", "streams", "expiry", "keys", "housekeeping", "last uses", "refusals", "probe", "backlog"];

/// The counts of this node.
#[derive(Debug)]
pub struct Meters {
    since: Instant,
    routes: Vec<RouteMeter>,
    introspections: [AtomicU64; 2],
    jobs: [AtomicU64; JOBS.len()],
    /// The last look at what waits in the store.
    pub backlog: ArcSwapOption<StoreBacklog>,
    /// When the server's certificate ends, in milliseconds; 0 if it has none.
    pub certificate_ends: AtomicI64,
}

impl Meters {
    /// Meters for these routes, in the order of the table.
    #[must_use]
    pub fn new(routes: Vec<String>) -> Self {
        let meter = |route| RouteMeter { route, statuses: Default::default(), durations: Durations::default() };
        Self {
            since: Instant::now(),
            routes: routes.into_iter().map(meter).collect(),
            introspections: Default::default(),
            jobs: Default::default(),
            backlog: ArcSwapOption::empty(),
            certificate_ends: AtomicI64::new(0),
        }
    }
    /// The routes.
    #[must_use]
    pub fn routes(&self) -> &[RouteMeter] {
        &self.routes
    }
    /// Counts a request of the route with this index; without a status its caller left.
    pub fn request(&self, route: usize, status: Option<u16>, took: Duration) {
        let Some(meter) = self.routes.get(route) else { return };
        let class = match status {
            None => 4,
            Some(200..300) => 0,
            Some(300..400) => 1,
            Some(400..500) => 2,
            Some(_) => 3,
        };
        meter.statuses[class].fetch_add(1, Ordering::Relaxed);
        meter.durations.count(took);
    }
    /// Counts an introspection.
    pub fn introspection(&self, active: bool) {
        self.introspections[usize::from(active)].fetch_add(1, Ordering::Relaxed);
    }
    /// Introspections of tokens that are not active, and of those that are.
    #[must_use]
    pub fn introspections(&self) -> [u64; 2] {
        [0, 1].map(|at: usize| self.introspections[at].load(Ordering::Relaxed))
    }
    /// Notes that a job has done its round.
    pub fn job_done(&self, name: &str) {
        if let Some(at) = JOBS.iter().position(|job| *job == name) {
            self.jobs[at].store(self.since.elapsed().as_secs() + 1, Ordering::Relaxed);
        }
    }
    /// Each job with the time since it last did its round; since the start if it has not.
    #[must_use]
    pub fn jobs(&self) -> [(&'static str, Duration); JOBS.len()] {
        let now = self.since.elapsed().as_secs() + 1;
        std::array::from_fn(|at| {
            let last = self.jobs[at].load(Ordering::Relaxed).max(1);
            (JOBS[at], Duration::from_secs(now.saturating_sub(last)))
        })
    }
}
