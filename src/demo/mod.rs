//! The demo's actors: the sample fintech app, the sample account API and the phone and mailbox simulator.
//!
//! Each stands where somebody else's system stands in production and reaches the authorization server only over the
//! wire: the app as an OAuth client (FAPI 2.0 Security Profile), the account API as a resource server (RFC 7662
//! introspection), the simulator through the signed telephony hook and SMTP. Nothing here reads the server's store.
//! Each starts on its own, on any port, with a clock and randomness handed in, so that tests run the same actors.
//!
//! It does not own the sample bank (`bank`), the pages (`pages`) or the demo's start and stop (`server`).

pub mod api;
pub mod app;
pub mod door;
mod folder;
mod settings;
pub mod sim;
pub mod wire;
