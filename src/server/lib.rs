//! The world around `renkei-core`: what an operator configures, the connectors to other systems, the pages, HTTP, and the
//! command line. Each module is the only one that names its library.
//!
//! [`config`] is what an operator says. [`outbound`] sends every HTTP request of ours, [`traces`] what happened when;
//! [`bank`], [`mail`] and [`telephony`] are the connectors; [`pages`] makes the HTML. [`web`] is how the outside reaches
//! in, [`process`] starts and stops it all, [`cli`] is the command line.
//!
//! A module may use what stands above it in this file's order, never what stands below; `tests/it/shape.rs` checks it.

use renkei_core::{
    account, admin, alarm, audit, authorize, client, clock, consent, duration, event, fact, grant, hook, id, identity,
    invisible, kana, keys, language, lifecycle, linking, my, network, notice_address, params, phone, random, refusal,
    scope, secret, store, stream, thumbprint, token, traced,
};

pub mod config;

pub mod trace_context;

pub mod outbound;

pub mod traces;

pub mod logs;

pub mod pages;

pub mod bank;
pub mod mail;
pub mod telephony;

pub mod web;

pub mod process;

pub mod cli;
