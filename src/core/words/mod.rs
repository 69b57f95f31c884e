//! Plain values: each is made in one way only (`parse` or a constructor), so that one that exists is valid. No I/O, no
//! other module of this crate.

pub mod account;
pub mod clock;
pub mod duration;
pub mod kana;
pub mod language;
pub mod network;
pub mod phone;
pub mod random;
pub mod refusal;
pub mod scope;

pub mod secret;
pub mod thumbprint;

pub mod id;
pub mod params;

pub mod hook;
