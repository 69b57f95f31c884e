//! Step 2: the five checks ①–⑤ between a customer and consent (docs/requirements.md).
//!
//! Owns the [`Interaction`], the state machine every customer walks through, and what guards it: form rules, locks,
//! service hours, the call. Declares what it needs of the outside: [`CoreBank`] and [`CallRegister`]. Does not own what
//! is agreed at ⑥ (`consent`), nor how a page looks (`pages`). `acr`/`amr` follow RFC 8176 and OpenID Connect Core §2.
//!
//! A check that can be guessed is *reserve → ask → settle* (decision 6): see `ask.rs`. [`Desk`] is the way in.

mod account;
mod ask;
mod bank_queue;
mod call;
pub mod cookie;
mod counts;
mod customer;
mod desk;
mod ending;
mod ends;
mod guess;
mod interaction;
mod lease;
pub mod limiter;
mod limits;
pub mod lockout;
pub mod memory;
mod message;
mod network;
mod number;
mod open;
mod personal;
mod pin;
mod policy;
mod ports;
mod recall;
mod seals;
mod seen;
pub mod service_hours;
pub mod sql;
mod staff_locks;
mod sweep;
mod tally;
mod turns;
mod unfinished;

pub use account::AccountForm;
pub use call::{CallState, Calling};
pub use cookie::{CookieKey, ShownCookie};
pub use customer::{BirthDate, CustomerForm, Email};
pub use desk::{Desk, DeskParts};
pub use ending::{Ending, Expired};
pub use interaction::{ABSOLUTE, AMR, IDLE, Interaction, Matched, Misstep, Personal, Proofed, Stage, UNFINISHED};
pub use limiter::Limit;
pub use memory::{Holder, Memory, Recalled, Remembered};
pub use message::{Field, FormErrors, Message, Problem};
pub use network::BrowserNetwork;
pub use open::Resumed;
pub use pin::Pin;
pub use policy::{AlarmLevels, Policy, answer_within};
pub use ports::{BankError, CallRegister, Caller, CoreBank, Holding, IncomingCall, Ineligible, Lookup};
pub use seals::Seals;
pub use seen::{CallView, Opened, Opening, Posted, Seen, Taken, View, Visitor};
pub use turns::InTurn;

#[cfg(test)]
pub(crate) mod tests;
