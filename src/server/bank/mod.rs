//! The core bank: connectors for the port of `identity` ([`crate::identity::CoreBank`]).
//!
//! `http` is the connector, `events` parses the bank's reports about its accounts. Has no rules: `identity` decides
//! what a response means.

pub mod events;
#[cfg(test)]
mod events_tests;
pub mod http;

pub use events::EventHook;
pub use http::HttpBank;
