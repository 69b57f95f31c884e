//! Plain values. Each can be made only by `parse` or a constructor, so every value is valid. No I/O; uses no other
//! module of this crate.

pub mod invisible;

pub mod account;
pub mod clock;
pub mod duration;
pub mod fact;
pub mod kana;
pub mod language;
pub mod network;
pub mod phone;
pub mod random;
pub mod refusal;
pub mod scope;

pub mod secret;
pub mod thumbprint;
pub mod traced;

pub mod id;
pub mod params;

pub mod hook;
