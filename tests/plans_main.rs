#![allow(warnings, clippy::all)]
#[path = "it/plans/mod.rs"]
mod plans;
#[path = "support/mod.rs"]
mod support;
