//! What Renkei decides and keeps: the authorization server with which a Japanese credit union, shinkin bank or regional
//! bank lets its customers link their accounts to fintech apps (API連携認証). This crate knows no web server, no
//! templates, no configuration file and no command line: `renkei-server` puts those around it.
//!
//! # The story, in reading order
//! An app sends a customer to us. We ask who the app is ([`client`]) and what it wants ([`authorize`]). The customer
//! passes five checks ([`identity`]) and reads what is asked of them ([`consent`]). What then exists is a grant
//! ([`grant`]); what is handed out are tokens that belong to it ([`token`]); what happens to it afterwards, until its
//! thirtieth day, is told to everyone concerned ([`lifecycle`]). [`linking`] has the use-cases of the consent screen, where
//! these steps meet; [`admin`] is what the institution does.
//!
//! Everything stands on plain values without I/O ([`clock`] … [`hook`]) and on [`store`], [`event`], [`audit`], [`keys`]
//! and [`oxide`].
//!
//! A module may use what stands above it in this file's order, never what stands below; `tests/it/shape.rs` checks it.

// Plain values, each with one way to make it: the folder `words`.
mod words;
pub use words::{
    account, clock, duration, hook, id, kana, language, network, params, phone, random, refusal, scope, secret,
    thumbprint,
};

// What everything stands on.
pub mod store;

pub mod event;

pub mod audit;

pub mod alarm;
pub mod keys;
pub mod oxide;

// A request, step by step.
pub mod client;

pub mod authorize;

pub mod identity;

pub mod consent;

pub mod grant;

pub mod token;

pub mod lifecycle;

pub mod linking;

pub mod verify;

pub mod admin;
