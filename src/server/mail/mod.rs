//! Mail leaves the house: the adapter behind `lifecycle::Mailer`, to an SMTP relay ([`Smtp`]) or, while testing, into
//! files ([`Folder`]).
//!
//! Owns the message around a letter (RFC 5322) and the talk with the relay (RFC 5321, 3207). Does not own what a letter
//! says (`pages`), nor when it is tried again (`lifecycle`): it only tells a refused recipient from everything else. Error
//! texts name the relay's code and never its words, which often repeat the customer's address. Only this folder names the
//! mail library.

mod folder;
mod message;
mod smtp;
#[cfg(test)]
mod tests;
mod verdict;

pub use folder::Folder;
pub use message::{BadSender, Sender};
pub use smtp::{BadRelay, Login, Relay, RelayTls, Smtp};
