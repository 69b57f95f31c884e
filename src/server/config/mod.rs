//! Typed configuration from one TOML file. Unknown keys are refused; `RENKEI__SECTION__KEY` overrides a key. A key that
//! ends in `_file` names a file, so that the configuration itself contains no secret.
//!
//! `config/default.toml` has every key with its default and a comment; a test compares them.

mod check;
mod clients;
mod events;
mod institution;
mod integrations;
mod keys;
mod limits;
mod load;
mod model;
mod operation;
mod origins;
mod read;
mod shown;
#[cfg(test)]
mod tests;

pub use crate::duration::Span;
pub use clients::client_rules;
pub use events::Events;
pub use institution::{Institution, InstitutionKind};
pub use integrations::*;
pub use keys::{Algorithm, Keys};
pub use limits::Limits;
pub use load::{Error, format_of_log, load, secret_file};
pub use model::*;
pub use operation::{ADMIN_SOCKET, AdminConfig, LogFormat, OWN_SOCKET, TracesConfig};
pub use origins::{Origin, Origins};
pub use read::{Reading, read};
