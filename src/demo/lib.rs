//! What stands around Renkei in its demonstration: a sample fintech app ([`app`]), the account API of the institution
//! ([`api`]), its core bank ([`bank`]), and the telephone and mailbox of a customer ([`sim`]).
//!
//! Each is what somebody else's system is in production, and reaches the authorization server over the wire alone: the
//! app as an OAuth client (FAPI 2.0 Security Profile), the account API as a resource server (RFC 7662 introspection), the
//! bank behind the core banking API (docs/core-banking.md), the simulator through the signed telephony hook
//! (docs/telephony.md) and SMTP. So this crate uses none of the server's crates: what it does, anybody's can do with
//! crates that everybody has.
//!
//! Each starts on its own, on any port, with a clock and randomness handed in, so that tests run the same programs.

pub mod crypto;
pub mod time;

mod jose;

pub mod wire;

pub mod hook;

mod events;

pub mod pages;

pub mod listener;

pub mod bank;
pub mod sim;

pub mod api;
pub mod app;
