//! The one integration-test binary; its files are named after the steps.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what is wrong by stopping")]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod audit;
mod authorize;
mod browser;
mod call_register;
mod client;
mod client_command;
mod client_limits;
mod clients;
mod config;
mod conformance;
mod demo;
mod demo_link;
mod doubt;
mod flow;
mod full_disk;
mod grant;
mod guesses;
mod handover;
mod heads;
mod keys;
mod killed;
mod lifecycle;
mod lost_answers;
mod model;
mod mtls;
mod network_limits;
mod oidc_client;
mod own;
mod pages;
mod proofing_memory;
mod protocol;
mod proxies;
mod rar;
mod registration;
mod relay;
mod sample_bank;
mod serve;
mod shape;
mod shared;
mod silent_store;
mod slow_peers;
mod staff;
mod store;
mod store_faults;
mod store_plans;
mod store_schema;
mod strangers;
mod tokens;
mod typed;
mod urls;
mod verify;
