//! The core bank: connectors behind the port `identity` declares ([`crate::identity::CoreBank`]).
//!
//! `http` is the real connector, `events` reads what the bank reports of its accounts. `sample` is the built-in bank of the demo and of tests; `face` its HTTP face, the same questions over the wire;
//! `statement` its made-up, ever-same bookings. Owns no rule: what an answer means is decided in `identity`.

pub mod events;
#[cfg(test)]
mod events_tests;
pub mod face;
pub mod http;
pub mod sample;
mod statement;
#[cfg(test)]
mod tests;

pub use events::EventHook;
pub use http::HttpBank;
pub use sample::SampleBank;
