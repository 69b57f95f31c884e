//! Signing keys and sealing. Only `jose` signs or verifies a JWS (RFC 7515, 7519), and only `jwk` parses other parties'
//! keys (RFC 7517, 7638). `ring` holds our own keys and rotates them. Only `seal` encrypts stored fields. Does not own
//! which keys a client may use (`client`).

pub mod claim_check;
pub mod guarded;
pub mod jose;
pub mod jwk;
pub mod master;
mod provider;
pub mod ring;
pub mod seal;
pub mod signing;

#[cfg(test)]
mod tests;

pub use jwk::Jwk;
pub use ring::Ring;
pub use signing::SigningKey;
