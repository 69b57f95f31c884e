//! Typed configuration. One TOML file, unknown keys refused; `RENKEI__SECTION__KEY` overrides a key; a key that ends in
//! `_file` names a file that holds a secret, so that no secret stands in the configuration itself.
//!
//! `config/default.toml` lists every key with its default and one comment; a test compares the two.

mod check;
mod clients;
mod events;
mod integrations;
mod keys;
mod limits;
mod load;
mod model;
#[cfg(test)]
mod tests;

pub use crate::duration::Span;
pub use clients::client_rules;
pub use events::Events;
pub use integrations::*;
pub use keys::Keys;
pub use limits::Limits;
pub use load::{Error, load, placed, secret_file};
pub use model::*;
