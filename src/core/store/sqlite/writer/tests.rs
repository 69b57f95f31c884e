//! What becomes of a group in which one fails, where the engine fails too.

use super::*;
use crate::secret::Hash;
use crate::store::job::{Order, Ticket, Urgency};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::channel;

/// How each job was answered: whether it was done.
type Answers = Arc<Mutex<Vec<(&'static str, bool)>>>;

/// A job whose runs end as it says, the last one again and again.
struct Scripted {
    name: &'static str,
    ends: VecDeque<End>,
    urgency: Urgency,
    ticket: Ticket,
    answers: Answers,
}
impl Work for Scripted {
    fn run(&mut self, _: &mut Tx<'_, '_>) -> End {
        match self.ends.len() {
            1 => self.ends[0],
            _ => self.ends.pop_front().unwrap(),
        }
    }
    fn order(&self) -> Order {
        Order { reads_only: false, one_statement: false, urgency: self.urgency, no_limit: None }
    }
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }
    fn key(&self) -> Option<Hash> {
        None
    }
    fn is_retried(&self) -> bool {
        false
    }
    fn answer(self: Box<Self>) {
        self.answers.lock().unwrap().push((self.name, self.ends[0] == End::Commit));
    }
    fn fail(self: Box<Self>, _: Error) {
        self.answers.lock().unwrap().push((self.name, false));
    }
    fn answer_late(self: Box<Self>) -> Option<Box<dyn Work>> {
        None
    }
}

/// The answers to a group of jobs, by name, and how many groups have savepoints then.
fn answers(jobs: &[(&'static str, Urgency, &[End])]) -> (Vec<(&'static str, bool)>, u32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("renkei.db");
    let mut writer = Writer {
        c: Connection::open(&file).unwrap(),
        ballast: Ballast::for_database(&file, 0),
        room: Arc::new(Room::watched()),
        counters: None,
        changes: None,
        with_savepoints: Cell::new(0),
    };
    let answers = Answers::default();
    let (queue, waiting) = channel();
    for (name, urgency, ends) in jobs {
        let (ends, answers) = (ends.iter().copied().collect(), answers.clone());
        let job = Scripted { name, ends, urgency: *urgency, ticket: Ticket::default(), answers };
        queue.send(Box::new(job) as Box<dyn Work>).unwrap();
    }
    let first = waiting.recv().unwrap();
    writer.group(first, &waiting);
    let mut answers = answers.lock().unwrap().clone();
    answers.sort_unstable();
    (answers, writer.with_savepoints.get())
}

#[test]
fn one_that_fails_takes_nobody_with_it() {
    let (done, ending) = (&[End::Commit][..], Urgency::Ending);
    let jobs = [("a", ending, done), ("b", ending, &[End::Rollback][..])];
    assert_eq!(answers(&jobs), (vec![("a", true), ("b", false)], GROUPS_WITH_SAVEPOINTS));
    assert_eq!(answers(&jobs[1..]), (vec![("b", false)], 0), "alone it takes nobody with it");
    assert_eq!(answers(&[("a", ending, done), ("c", ending, done)]), (vec![("a", true), ("c", true)], 0));
}

/// The group runs again because `d` failed, and the disk becomes full before all have run: endings are done nevertheless, also those
/// whose turn had not come.
#[test]
fn a_disk_that_fills_in_the_second_run_fails_no_ending() {
    let (ending, ordinary) = (Urgency::Ending, Urgency::Ordinary);
    let (done, full) = (&[End::Commit][..], &[End::Commit, End::Full, End::Commit][..]);
    let jobs = [("a", ending, done), ("b", ordinary, full), ("c", ending, done), ("d", ending, &[End::Rollback][..])];
    let (answers, _) = answers(&jobs);
    assert_eq!(answers, [("a", true), ("b", false), ("c", true), ("d", false)]);
}
