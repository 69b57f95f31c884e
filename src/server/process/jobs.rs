//! What the server does by itself, beside answering: send notices, sweep what has expired, forget what may be
//! forgotten. Each job is a loop of its own, so that a slow one holds up no other; all stop together.

use crate::keys::ring;
use crate::lifecycle::housekeeping::{Retention, TASKS, run_task};
use crate::lifecycle::{BATCH, LetterWriter, Mailer, client, deliver_notices, expire};
use crate::store;
use crate::web::health::PROBE_EVERY;
use crate::web::{App, Shared};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// How often the outbox is looked into.
const NOTICES: Duration = Duration::from_secs(1);
/// How often expired grants become events.
const SWEEP: Duration = Duration::from_secs(10);
/// How often tables are tidied.
const KEEP: Duration = Duration::from_secs(60);

/// How often keys that are due rotate, and what another node did is seen.
const KEYS: Duration = Duration::from_secs(30);

/// The running jobs.
pub(super) struct Jobs {
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Jobs {
    pub(super) fn start(app: &Shared, mailer: Arc<dyn Mailer>, writer: Arc<dyn LetterWriter>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let retention = Retention {
            consents: app.config.tokens.keep_consents.get(),
            addresses: app.config.mail.keep_address.get(),
            pending: app.config.registration.pending_kept.get(),
        };
        let notices = every(NOTICES, stopped.clone(), app.clone(), move |app| {
            let (mailer, writer) = (mailer.clone(), writer.clone());
            async move { deliver_notices(&app.store, &*mailer, &*writer, &app.sealer, app.now()).await.map(|_| ()) }
        });
        let sweep = every(SWEEP, stopped.clone(), app.clone(), |app| async move { sweep(&app).await });
        let keys = every(KEYS, stopped.clone(), app.clone(), |app| async move { rotate(&app).await });
        let tidying = every(KEEP, stopped.clone(), app.clone(), move |app| async move { tidy(&app, retention).await });
        let probe = every(PROBE_EVERY, stopped.clone(), app.clone(), |app| async move {
            app.probe.run(&app.store).await;
            Ok(())
        });
        let full = tokio::spawn(tidy_when_full(app.clone().into_inner(), retention, stopped));
        Self { stop, running: vec![notices, sweep, keys, tidying, probe, full] }
    }

    /// Lets every job finish what it is doing, no longer than until `by`.
    pub(super) async fn stop(self, by: Instant) {
        let _ = self.stop.send(true);
        for mut job in self.running {
            if timeout_at(by, &mut job).await.is_err() {
                job.abort();
            }
        }
    }
}

fn every<F>(
    pause: Duration,
    mut stopped: watch::Receiver<bool>,
    app: Shared,
    work: impl Fn(Arc<App>) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = store::Result<()>> + Send,
{
    tokio::spawn(async move {
        loop {
            tokio::select! { _ = stopped.changed() => return, () = tokio::time::sleep(pause) => {} }
            if let Err(cause) = work(app.clone().into_inner()).await {
                tracing::error!(%cause, "a job failed; it will be tried again");
            }
        }
    })
}

/// What has expired ends even when there is room for little more.
async fn sweep(app: &App) -> store::Result<()> {
    let store = app.store.ending();
    loop {
        let now = app.now();
        if !store.write(move |tx| expire(tx, now, BATCH)).await?.more(BATCH) {
            break;
        }
    }
    let now = app.now();
    while store.write(move |tx| client::unlink(tx, now, BATCH)).await? >= BATCH.unsigned_abs() {}
    Ok(())
}

/// A ring that cannot be tended keeps signing as it does.
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

/// A full disk is a reason to tidy at once.
async fn tidy_when_full(app: Arc<App>, retention: Retention, mut stopped: watch::Receiver<bool>) {
    let mut full = app.store.watch_endings_only();
    full.mark_changed();
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            changed = full.changed() => if changed.is_err() { return },
        }
        if *full.borrow_and_update()
            && let Err(cause) = tidy(&app, retention).await
        {
            tracing::warn!(%cause, "nothing could be tidied; it will be tried again");
        }
    }
}

/// Tidying makes room: it goes on when there is little.
async fn tidy(app: &App, retention: Retention) -> store::Result<()> {
    let store = app.store.ending();
    for (table, task) in TASKS {
        let now = app.now();
        loop {
            let gone = store.write(move |tx| run_task(tx, *task, now, &retention)).await?;
            if gone > 0 {
                tracing::info!(table, gone, "tidied");
            }
            if gone < BATCH.unsigned_abs() {
                break;
            }
        }
    }
    checks(app).await
}

/// Interactions nobody finished, numbers given out, locks that midnight released.
async fn checks(app: &App) -> store::Result<()> {
    loop {
        if app.identity.sweep(app.now(), BATCH).await? < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}
