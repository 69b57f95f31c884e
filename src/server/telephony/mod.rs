//! Telephony: how a call that arrived is reported to us (docs/telephony.md).
//!
//! `sip_hook` reads and verifies the report of a SIP gateway. A driver ends with an [`crate::identity::IncomingCall`];
//! what the call is worth is decided in `identity`.

pub mod sip_hook;
#[cfg(test)]
mod tests;
