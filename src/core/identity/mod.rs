//! Step 2: the five checks ①–⑤ between a customer and consent (docs/requirements.md).
//!
//! Owns the [`Interaction`], the state machine of the checks, and its guards: form rules, locks, service hours, the
//! call. Declares the ports it needs: [`CoreBank`] and [`CallRegister`]. Does not own what is agreed at ⑥ (`consent`)
//! or the look of a page (`pages`). `acr`/`amr` follow RFC 8176 and OpenID Connect Core §2.
//!
//! A check that can be guessed is *reserve → ask → settle* (decision 6): see `attempt.rs`. [`IdentityService`] is what other modules call.

mod account;
mod attempt;
mod bank_answer;
mod bank_queue;
mod birth_date;
mod call;
mod closure;
pub mod cookie;
mod counts;
mod customer;
mod ending;
mod ends;
mod field_crypto;
mod fitting;
mod guess;
mod hourly_counter;
mod interaction;
mod lease;
pub mod limiter;
mod limits;
pub mod lockout;
mod message;
mod network;
mod number;
mod open;
mod owner;
mod personal;
mod pin;
mod policy;
mod ports;
pub mod proofing_session;
mod purpose;
mod recall;
mod reference;
mod refused;
mod reported_call;
mod requests;
mod restart;
mod service;
pub mod service_hours;
pub mod service_switch;
pub mod sql;
mod staff_locks;
mod sweep;
mod turns;
mod unfinished;

pub use account::AccountForm;
pub use birth_date::{BirthDate, WrongDate, names_era, western_year};
pub use call::{ASKS_AFTER, CallState, Calling};
pub use cookie::{CookieKey, ShownCookie};
pub use customer::{CustomerForm, Email};
pub use ending::{Ending, Expired};
pub use field_crypto::FieldCrypto;
pub use fitting::fitting;
pub use interaction::{ABSOLUTE, AMR, IDLE, Interaction, Matched, Misstep, Personal, Proofed, Stage, UNFINISHED};
pub use limiter::Limit;
pub use message::{Field, FormErrors, Message, Problem};
pub use network::BrowserNetwork;
pub use open::Resumed;
pub use owner::{MY_IDLE, MY_WHOLE, Owner, Stopped, prune_visits};
pub use pin::Pin;
pub use policy::{AlarmLevels, IdentityPolicy, answer_within, customer_within};
pub use ports::{BankError, CallRegister, Caller, CoreBank, Holding, IncomingCall, Ineligible, Lookup};
pub use proofing_session::{ProofingSession, ProofingSessionKey, Recalled, Remembered};
pub use purpose::{AnsweredRequest, Declared, Purpose, PurposeKind};
pub use reference::reference;
pub use requests::{CallView, Posted, StartRequest, StartResult, StepCheck, View, ViewResult, Visitor};
pub use restart::MOST_RENEWALS;
pub use service::{IdentityService, IdentityServiceParts};
pub use turns::InTurn;

#[cfg(test)]
pub(crate) mod tests;
