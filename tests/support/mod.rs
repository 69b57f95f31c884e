//! What the integration tests stand on: the real server on a free port with a clock moved by hand, and the people and
//! programs that speak to it, each with verbs of its own.

pub(crate) mod app;
pub(crate) mod bank;
pub(crate) mod browser;
pub(crate) mod chromium;
pub(crate) mod demo;
pub(crate) mod frozen;
pub(crate) mod html;
pub(crate) mod http;
pub(crate) mod jws;
pub(crate) mod own_pg;
pub(crate) mod pg;
pub(crate) mod pg_messages;
pub(crate) mod phone;
pub(crate) mod ports;
pub(crate) mod postfix;
pub(crate) mod profile;
pub(crate) mod proxy;
pub(crate) mod refusals;
pub(crate) mod served;
pub(crate) mod small_disk;
pub(crate) mod test_store;
pub(crate) mod town;
pub(crate) mod world;
