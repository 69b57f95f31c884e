//! Telephony: how an incoming call is reported to us (docs/telephony.md).
//!
//! `sip_hook` parses and verifies the report of a SIP gateway. A driver returns an [`crate::identity::IncomingCall`];
//! `identity` decides what the call means.

pub mod sip_hook;
#[cfg(test)]
mod tests;
