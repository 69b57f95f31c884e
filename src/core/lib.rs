//! The decisions and the data of Renkei, the authorization server with which a Japanese credit union, shinkin bank or
//! regional bank lets its customers link their accounts to fintech apps (API連携認証). This crate has no web server, no
//! templates, no configuration file and no command line; `renkei-server` adds them.
//!
//! # The steps, in reading order
//! An app sends a customer to us. We authenticate the app ([`client`]) and check its request ([`authorize`]). The
//! customer passes five checks ([`identity`]) and agrees to the request ([`consent`]). This creates a grant
//! ([`grant`]), and tokens are issued for it ([`token`]). Until the grant ends, on its thirtieth day, events and
//! notices report what happens to it ([`lifecycle`]). [`linking`] has the use cases of the consent screen, where these
//! steps meet, and [`my`] those of the customer's own page; [`admin`] has what the institution does.
//!
//! Everything stands on plain values without I/O ([`clock`] … [`hook`]) and on [`store`], [`event`], [`audit`], [`keys`]
//! and [`oxide`].
//!
//! A module may use only modules above it in this file; `tests/it/shape.rs` checks this.

// Plain values: the folder `words`.
mod words;
pub use words::{
    account, clock, duration, fact, hook, id, invisible, kana, language, network, params, phone, random, refusal,
    scope, secret, thumbprint, traced,
};

// The modules that all steps use.
pub mod store;

pub mod event;

pub mod audit;

pub mod alarm;
pub mod keys;
pub mod notice_address;
pub mod oxide;

// The steps of a request, in order.
pub mod client;

pub mod authorize;

pub mod identity;

pub mod consent;

pub mod grant;

pub mod token;

pub mod lifecycle;

pub mod stream;

pub mod linking;
pub mod my;

pub mod verify;

pub mod admin;
