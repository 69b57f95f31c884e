//! Step 6, after the grant: grants expire, customers get notices, old rows are deleted.
//!
//! Owns the expiry sweeper ([`expire()`]), the notices to customers ([`notice`]) with the port [`Mailer`] that sends
//! them and staff's view of them ([`outbox`]), the end of grants when an account changes ([`account`]) or an app ends
//! itself ([`client`]), and housekeeping ([`housekeeping`]). Other steps write the events (`event`).
//!
//! No answer of the server depends on this step: introspection compares expiry with `now`, and a mail that fails delays
//! nobody. Every function works in batches of at most [`BATCH`] rows, so that transactions are short.

pub mod account;
pub mod client;
pub mod delivery;
pub mod expire;
pub mod housekeeping;
pub mod notice;
pub mod outbox;

pub use crate::notice_address::{Addressee, LinkNotice};
pub use account::{AccountChangeKind, AccountChanged, ReportOutcome};
pub use delivery::{Letter, LetterWriter, Mail, MailError, Mailer, deliver_notices};
pub use expire::{Swept, expire};
pub use notice::{Completed, LinkLetter, Notice, Queued};

/// The most rows one sweep or housekeeping transaction changes.
pub const BATCH: i64 = 500;
