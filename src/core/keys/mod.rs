//! Signing keys and sealing: make, seal, rotate, publish. `jose` is the only place that signs or verifies a JWS
//! (RFC 7515, 7519), `jwk` the only one that reads a foreign key (RFC 7517, 7638), `ring` holds our own, and `seal` is
//! the only one that encrypts what rests. Which keys a client may use is not known here: that is `client`'s.

pub mod claim_check;
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
