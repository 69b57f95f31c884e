//! The core bank: connectors behind the port `identity` declares ([`crate::identity::CoreBank`]).
//!
//! `http` is the connector, `events` reads what the bank reports of its accounts. Owns no rule: what an answer means is
//! decided in `identity`.

pub mod events;
#[cfg(test)]
mod events_tests;
pub mod http;

pub use events::EventHook;
pub use http::HttpBank;
