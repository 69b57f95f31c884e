//! The server's background jobs: send notices, sweep expired grants, do housekeeping. Each job is its own loop, so that
//! a slow one does not delay the others. All stop together.

use super::streams::{ActiveStreams, LOOK, Rest, look};
use crate::admin::backlog;
use crate::config::Config;
use crate::keys::{jose::Alg, ring};
use crate::lifecycle::housekeeping::{Retention, TASKS, run_task};
use crate::lifecycle::{BATCH, LetterWriter, Mailer, client, deliver_notices, expire};
use crate::store;
use crate::stream::push::Pusher;
use crate::stream::{manage, sql};
use crate::web::health::PROBE_EVERY;
use crate::web::{App, Shared};
use futures_util::FutureExt;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// How often the outbox is checked.
const NOTICES: Duration = Duration::from_secs(1);
/// The longest rest between two batches.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// How often expired grants are ended.
const SWEEP: Duration = Duration::from_secs(10);
/// How often housekeeping runs.
const KEEP: Duration = Duration::from_secs(60);

/// How often due keys are rotated and changes of other nodes are loaded.
const KEYS: Duration = Duration::from_secs(30);
/// How often refusals that got no line are said.
const REFUSALS: Duration = Duration::from_secs(1);
/// How often what waits in the store is counted for the metrics.
const BACKLOG: Duration = Duration::from_secs(5);

/// The running jobs.
pub(super) struct Jobs {
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
    pusher: Arc<Pusher>,
    active: ActiveStreams,
}

impl Jobs {
    pub(super) fn start(app: &Shared, mailer: Arc<dyn Mailer>, writer: Arc<dyn LetterWriter>, pusher: Pusher) -> Self {
        let (stop, stopped) = watch::channel(false);
        let retention = retention(&app.config);
        let own = || app.clone().into_inner();
        let notices = {
            every_with(own(), "notices", NOTICES, stopped.clone(), move |app| {
                let (mailer, writer) = (mailer.clone(), writer.clone());
                async move { deliver_notices(&app.store, &*mailer, &*writer, &app.sealer, app.now()).await.map(|_| ()) }
            })
        };
        let (pusher, active) = (Arc::new(pusher), ActiveStreams::default());
        let (pushing, pushed, rest) = (pusher.clone(), active.clone(), Arc::new(Rest::default()));
        let told = Arc::new(Mutex::new(BTreeSet::new()));
        let running =
            vec![
                notices,
                every_with(own(), "streams", LOOK, stopped.clone(), move |app| {
                    let (pusher, active, rest) = (pushing.clone(), pushed.clone(), rest.clone());
                    async move { look(&app, &pusher, &active, &rest).await }
                }),
                every_with(own(), "expiry", SWEEP, stopped.clone(), |app| async move { sweep(&app).await }),
                every_with(own(), "keys", KEYS, stopped.clone(), move |app| {
                    let told = told.clone();
                    async move { rotate(&app).await.inspect(|()| warn_of_others(&app, &told)) }
                }),
                every_with(own(), "housekeeping", KEEP, stopped.clone(), move |app| async move {
                    tidy(&app, retention).await
                }),
                every_with(own(), "last uses", app.config.tokens.note_uses.get(), stopped.clone(), |app| async move {
                    app.uses.flush(&app.store).await.map(drop)
                }),
                every_with(own(), "refusals", REFUSALS, stopped.clone(), |app| async move {
                    app.refusals.tick();
                    Ok(())
                }),
                every_with(own(), "backlog", BACKLOG, stopped.clone(), |app| async move {
                    let found = app.store.scan(backlog::read).await?;
                    app.meters.backlog.store(Some(Arc::new(found)));
                    Ok(())
                }),
                every_with(own(), "probe", PROBE_EVERY, stopped.clone(), |app| async move {
                    app.probe.run(&app.store).await;
                    Ok(())
                }),
                tokio::spawn(tidy_when_full(own(), retention, stopped)),
            ];
        Self { stop, running, pusher, active }
    }

    /// Lets every job finish its round, at most until `by`.
    pub(super) async fn stop(self, by: Instant) {
        let _ = self.stop.send(true);
        for mut job in self.running {
            if timeout_at(by, &mut job).await.is_err() {
                job.abort();
            }
        }
        // What is being pushed is written down first, or another node would push it again.
        while Instant::now() < by && !self.active.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if let Err(cause) = self.pusher.stop().await {
            tracing::warn!(%cause, "the leases of streams could not be given back; another node takes them a little later");
        }
    }
}

/// One round of the jobs that rotate, end and forget, for a caller whose clock has moved: it need not wait for their pauses.
///
/// # Errors
/// Of the store. The jobs try again.
pub async fn catch_up(app: &App) -> store::Result<()> {
    rotate(app).await?;
    sweep(app).await?;
    tidy(app, retention(&app.config)).await
}

pub(super) fn retention(config: &Config) -> Retention {
    Retention {
        consents: config.tokens.keep_consents.get(),
        addresses: config.mail.keep_address.get(),
        pending: config.registration.pending_kept.get(),
    }
}

/// Writes the uses that were noted since the job's last round, once nobody introspects any more.
pub(super) async fn last_uses(app: &App, by: Instant) {
    let half = by.saturating_duration_since(Instant::now()) / 2;
    match timeout_at(Instant::now() + half, app.uses.flush(&app.store)).await {
        Ok(Ok(_)) => {}
        Ok(Err(cause)) => tracing::warn!(%cause, "when links were last used could not be written"),
        Err(_) => tracing::warn!("when links were last used was not written in time"),
    }
}

/// [`every`] for a job that needs [`App`].
fn every_with<F>(
    app: Arc<App>,
    name: &'static str,
    pause: Duration,
    stopped: watch::Receiver<bool>,
    work: impl Fn(Arc<App>) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = store::Result<()>> + Send + 'static,
{
    every(name, pause, stopped, move || {
        let (meters, round) = (app.clone(), work(app.clone()));
        async move { round.await.inspect(|()| meters.meters.job_done(name)) }
    })
}

/// Runs `work` repeatedly with `pause` between rounds, until `stopped` changes.
///
/// A panic ends only its round: the job must go on even if, for example, one mail cannot be rendered.
fn every<F>(
    name: &'static str,
    pause: Duration,
    mut stopped: watch::Receiver<bool>,
    mut work: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = store::Result<()>> + Send + 'static,
{
    tokio::spawn(async move {
        let mut panics: u64 = 0;
        loop {
            tokio::select! { _ = stopped.changed() => return, () = tokio::time::sleep(pause) => {} }
            // `work` may panic before it returns a future; this is caught too.
            round(name, &mut panics, async { work().await }).await;
        }
    })
}

/// One round of a job. `panics` counts the panics since the start.
async fn round(name: &'static str, panics: &mut u64, work: impl Future<Output = store::Result<()>>) {
    // Catching a panic is safe here: all state is in the store, and each transaction is complete or absent.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(cause)) => tracing::error!(job = name, %cause, "a job failed; it will be tried again"),
        Err(_) => {
            *panics += 1;
            tracing::error!(job = name, panics = *panics, "a job panicked; it will be tried again");
        }
    }
}

/// Expired grants end even when the disk is full.
async fn sweep(app: &App) -> store::Result<()> {
    let store = app.store.ending();
    in_batches(|| async {
        let (now, warn_before) = (app.now(), app.config.events.warn_before());
        Ok(store.write(move |tx| expire(tx, now, &warn_before, BATCH)).await?.more(BATCH))
    })
    .await?;
    let now = app.now();
    in_batches(|| async { Ok(is_full(store.write(move |tx| client::unlink(tx, now, BATCH)).await?)) }).await
}

/// Whether a batch was full: there may be more.
const fn is_full(done: u64) -> bool {
    done >= BATCH.unsigned_abs()
}

/// Does batches until one is not full. After each it rests for twice the time that it took: a job with much to do leaves the
/// store and the processor to the requests for two thirds of the time.
async fn in_batches<F: Future<Output = store::Result<bool>>>(batch: impl Fn() -> F) -> store::Result<()> {
    loop {
        let began = Instant::now();
        if !batch().await? {
            return Ok(());
        }
        tokio::time::sleep((began.elapsed() * 2).min(LONGEST_REST)).await;
    }
}

/// If the ring cannot be updated, it continues to sign with its keys.
async fn rotate(app: &App) -> store::Result<()> {
    let policy = app.config.keys.policy();
    match app.keys.tend(&app.store, &app.sealer, &*app.random, policy, app.now()).await {
        Ok(done) if !done.is_empty() => tracing::info!(steps = done.len(), "signing keys rotated"),
        Ok(_) => {}
        Err(ring::Error::Store(cause)) => return Err(cause),
        Err(cause) => tracing::error!(%cause, "signing keys cannot be rotated"),
    }
    Ok(())
}

/// Says once for each algorithm that another node signs with it, or an earlier configuration of this one did.
fn warn_of_others(app: &App, told: &Mutex<BTreeSet<Alg>>) {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    for alg in app.keys.unlisted(&app.config.keys.algs()) {
        if told.insert(alg) {
            tracing::warn!(
                alg = alg.as_str(),
                "a key of this algorithm signs, which keys.algorithms does not name here: the list must be the same on all nodes. \
                 If no node names it, the key is retired within an hour"
            );
        }
    }
}

/// Runs housekeeping at once when the disk is full.
async fn tidy_when_full(app: Arc<App>, retention: Retention, mut stopped: watch::Receiver<bool>) {
    let mut full = app.store.watch_endings_only();
    full.mark_changed();
    let mut panics = 0;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            changed = full.changed() => if changed.is_err() { return },
        }
        if *full.borrow_and_update() {
            round("housekeeping of a full disk", &mut panics, tidy(&app, retention)).await;
        }
    }
}

/// Housekeeping frees space, so it runs even when the disk is full.
async fn tidy(app: &App, retention: Retention) -> store::Result<()> {
    let store = app.store.ending();
    for (table, task) in TASKS {
        let now = app.now();
        in_batches(|| async {
            let gone = store.write(move |tx| run_task(tx, *task, now, &retention)).await?;
            if gone > 0 {
                tracing::info!(table, gone, "tidied");
            }
            Ok(is_full(gone))
        })
        .await?;
    }
    let hold = app.config.events.hold.get();
    in_batches(|| async {
        let now = app.now();
        let done =
            store.write(move |tx| Ok(manage::sweep(tx, now, hold, BATCH)? + sql::prune_dead(tx, now, hold, BATCH)?));
        Ok(is_full(done.await?))
    })
    .await?;
    checks(app).await
}

/// Expires unfinished interactions, call registrations and locks that end at midnight.
async fn checks(app: &App) -> store::Result<()> {
    in_batches(|| async { Ok(is_full(app.identity.sweep(app.now(), BATCH).await?)) }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_job_that_panics_does_its_next_round_and_still_stops() {
        let (stop, stopped) = watch::channel(false);
        let rounds = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&rounds);
        let job = every("test", Duration::from_secs(10), stopped, move || {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            assert!(n != 0, "the first round panics before it begins");
            async move {
                assert!(n != 1, "the second round panics");
                Ok(())
            }
        });
        tokio::time::sleep(Duration::from_secs(45)).await;
        assert_eq!(rounds.load(Ordering::SeqCst), 4, "as many rounds as there were pauses");
        stop.send(true).unwrap();
        job.await.unwrap();
    }

    #[tokio::test]
    async fn panics_are_counted_and_failures_are_not() {
        let mut panics = 0;
        round("test", &mut panics, async { Ok(()) }).await;
        round("test", &mut panics, async { Err(store::Error::Engine("told to".into())) }).await;
        assert_eq!(panics, 0);
        for n in 1..=2 {
            round("test", &mut panics, async { panic!("told to") }).await;
            assert_eq!(panics, n);
        }
    }
}
