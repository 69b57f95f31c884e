//! Renkei (連携) is the authorization server with which a Japanese credit union, shinkin bank or regional bank lets
//! its customers link their accounts to fintech apps: the flow called API連携認証.
//!
//! # The story, in reading order
//! An app sends a customer to us. We ask who the app is ([`client`]) and what it wants ([`authorize`]). The customer
//! passes five checks ([`identity`]) and reads what is asked of them ([`consent`]). What then exists is a grant
//! ([`grant`]); what is handed out are tokens that hang off it ([`token`]); what happens to it afterwards, until its
//! thirtieth day, is told to everyone concerned ([`lifecycle`]).
//!
//! Under the story lie the words it is told in ([`clock`] … [`params`]: no I/O, nobody else's types) and the ground it
//! stands on ([`store`], [`keys`], [`audit`], [`event`], [`oxide`]). Around it stand the adapters, each the only place
//! that names its library. [`web`] is how the outside reaches in, [`server`] wires it all together, [`demo`] and [`cli`] start it.
//!
//! A folder may use what stands above it in this file's order, never what stands below; `tests/it/shape.rs` checks it.

// Words.
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

pub mod id;
pub mod params;

pub mod hook;

// Ground.
pub mod store;

pub mod audit;

pub mod alarm;
pub mod event;
pub mod keys;
pub mod oxide;

// The way of a request, a folder a step.
pub mod client;

pub mod authorize;

pub mod identity;

pub mod consent;

pub mod grant;

pub mod token;

pub mod lifecycle;

pub mod verify;

pub mod admin;

// What an operator says, then adapters.
pub mod config;

pub mod outbound;

pub mod pages;

pub mod bank;
pub mod mail;
pub mod telephony;

// How the outside reaches in.
pub mod web;

pub mod server;

pub mod demo;

pub mod cli;
