//! The core bank of the demonstration and of tests. `sample` holds its customers and answers the four questions,
//! `sample_http` serves them over a socket, `report` tells of what has become of an account, `statement` makes up bookings that stay the same.
//!
//! It stands for the institution's own system: the authorization server asks it over the wire, as any core bank.

mod report;
mod sample;
mod sample_http;
mod statement;
#[cfg(test)]
mod tests;

pub use report::{AccountChange, Reporter, ReporterSettings, SentReport};
pub use sample::{LOCKED, Lookup, SampleBank, linkable_accounts};
pub use sample_http::{Reply, start};
