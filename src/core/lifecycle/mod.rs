//! Step 6, what happens after: grants expire, everybody concerned is told, what is no longer needed goes.
//!
//! Owns the expiry sweeper ([`expire()`]), the notices to customers ([`notice`]) with the port [`Mailer`] that carries
//! them and what staff sees of it ([`outbox`]), what becomes of links when an account changes
//! ([`account`]) or an app ends itself ([`client`]), and housekeeping ([`housekeeping`]). Events themselves are written by whoever causes them (`event`).
//!
//! Nothing here is needed for an answer to be right: introspection judges expiry by `now`, a mail that cannot be sent
//! holds nobody up. Every verb works in batches of at most [`BATCH`] rows, so that no transaction is long.

pub mod account;
pub mod client;
pub mod expire;
pub mod housekeeping;
pub mod mailer;
pub mod notice;
pub mod outbox;

pub use account::{AccountChangeKind, AccountChanged, ReportOutcome};
pub use expire::{Swept, expire};
pub use mailer::{Letter, LetterWriter, Mail, MailError, Mailer, deliver_notices};
pub use notice::{Completed, Notice, Queued};

/// The most rows one sweeping or housekeeping transaction touches.
pub const BATCH: i64 = 500;
