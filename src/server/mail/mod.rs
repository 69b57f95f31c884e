//! Sends mail: implements `lifecycle::Mailer`, to an SMTP relay ([`Smtp`]) or, for tests, into files ([`Folder`]).
//!
//! Owns the message around a letter (RFC 5322) and the dialogue with the relay (RFC 5321, 3207). Does not own the
//! letter's text (`pages`) or the retries (`lifecycle`): it only distinguishes a refused recipient from all other
//! errors. Error texts contain the relay's code but not its text, which often repeats the customer's address. Only this
//! folder uses the mail library.

mod folder;
mod message;
mod smtp;
#[cfg(test)]
mod tests;
mod verdict;

pub use folder::Folder;
pub use message::{BadSender, Sender};
pub use smtp::{BadRelay, Login, Relay, RelayTls, Smtp};
