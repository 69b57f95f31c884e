//! The core bank: connectors behind the port `identity` declares ([`crate::identity::CoreBank`]).
//!
//! `sample` is the built-in bank of the demo and of tests; `face` its HTTP face, the same questions over the wire;
//! `statement` its made-up, ever-same bookings. Owns no rule: what an answer means is decided in `identity`.

pub mod face;
pub mod sample;
mod statement;
#[cfg(test)]
mod tests;

pub use sample::SampleBank;
