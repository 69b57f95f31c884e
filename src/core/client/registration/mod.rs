//! An app registers itself and manages its own record: RFC 7591 and RFC 7592.
//!
//! Owns the initial access tokens the institution hands out ([`initial`]), how a record from outside is read
//! ([`json`]) and what it may say (`untrusted`), software statements ([`statement`]) and the tables ([`sql`]). Whatever comes from outside is a wish:
//! a new app is [`Status::Pending`] until the institution approves it, and a change that would open anything to an
//! approved one waits while the approved record stays in force. Nothing a record names is fetched here: `jwks_uri` only
//! when the app authenticates, through the guarded port; `logo_uri` and the like never by us.
//!
//! `lifecycle` ends the grants of a client that ended itself.
//!
//! [`Status::Pending`]: super::Status::Pending

pub mod initial;
pub mod json;
pub mod sql;
pub mod statement;
mod untrusted;

pub use statement::Trust;
pub use untrusted::{judge, judge_update, opens};

#[cfg(test)]
mod tests;
