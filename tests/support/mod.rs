//! What the integration tests stand on: the real server on a free port with a clock moved by hand, and the people and
//! programs that speak to it, each with verbs of its own.

pub mod app;
pub mod bank;
pub mod browser;
pub mod chromium;
pub mod demo;
pub mod frozen;
pub mod html;
pub mod http;
pub mod jws;
pub mod own_pg;
pub mod pg;
pub mod phone;
pub mod ports;
pub mod postfix;
pub mod profile;
pub mod proxy;
pub mod served;
pub mod small_disk;
pub mod test_store;
pub mod town;
pub mod world;
