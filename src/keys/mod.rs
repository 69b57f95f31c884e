//! Signing keys and sealing: make, seal, rotate, publish. `jose` is the only place that signs or verifies a JWS;
//! `seal` the only one that encrypts what rests.

pub mod seal;
