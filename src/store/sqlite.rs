//! SQLite: one writer thread.

use super::{Error, Result, Tx, migrate, tx::engine};
use std::path::Path;
use std::sync::mpsc;
use tokio::sync::oneshot;

trait Work: Send {
    fn run(&mut self, c: &rusqlite::Connection);
    fn answer(self: Box<Self>);
}
struct Job<T, F> {
    work: F,
    out: Option<Result<T>>,
    to: oneshot::Sender<Result<T>>,
}
impl<T: Send, F: Fn(&mut Tx<'_, '_>) -> Result<T> + Send> Work for Job<T, F> {
    fn run(&mut self, c: &rusqlite::Connection) {
        let go = || {
            c.execute_batch("begin immediate").map_err(engine)?;
            let out = (self.work)(&mut Tx::Sqlite(c, std::marker::PhantomData));
            c.execute_batch(if out.is_ok() { "commit" } else { "rollback" }).map_err(engine)?;
            out
        };
        self.out = Some(go());
    }
    fn answer(self: Box<Self>) {
        let _ = self.to.send(self.out.unwrap_or(Err(Error::Unavailable("stopped".into()))));
    }
}

#[derive(Clone)]
pub(super) struct Sqlite(mpsc::SyncSender<Box<dyn Work>>);
impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let c = rusqlite::Connection::open(path).map_err(engine)?;
        c.pragma_update(None, "journal_mode", "WAL").map_err(engine)?;
        c.pragma_update(None, "synchronous", "FULL").map_err(engine)?;
        migrate::run_sqlite(&c)?;
        let (queue, jobs) = mpsc::sync_channel::<Box<dyn Work>>(4096);
        std::thread::spawn(move || {
            while let Ok(mut job) = jobs.recv() {
                job.run(&c);
                job.answer();
            }
        });
        Ok(Self(queue))
    }
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (to, answer) = oneshot::channel();
        self.0.try_send(Box::new(Job { work, out: None, to })).map_err(|_| Error::Unavailable("queue full".into()))?;
        answer.await.map_err(|_| Error::Unavailable("stopped".into()))?
    }
}
