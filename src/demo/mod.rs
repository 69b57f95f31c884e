//! The demo's actors: the sample fintech app, the sample account API and the phone and mailbox simulator.
//!
//! Each stands where somebody else's system stands in production and reaches the authorization server only over the
//! wire: the app as an OAuth client (FAPI 2.0 Security Profile), the account API as a resource server (RFC 7662
//! introspection), the simulator through the signed telephony hook and SMTP. Nothing here reads the server's store.
//! Each starts on its own, on any port, with a clock and randomness handed in, so that tests run the same actors.
//!
//! `beside` starts the account API alone, with TLS, for a server in test mode. `run` starts the whole: the authorization server as `server` starts it, the actors, the sample bank's HTTP face. The
//! bank itself is `bank`'s, the pages are `pages`'.

pub mod api;
pub mod app;
pub mod bank;
pub mod beside;
pub mod door;
mod folder;
mod run;
mod settings;
pub mod sim;
pub mod wire;

pub use run::{Demo, Error, Options, start};
