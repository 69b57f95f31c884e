//! The whole way of a customer, from an app's request to the thirtieth day (requirements.md#acceptance): the real
//! server, on
//! SQLite and on PostgreSQL, with a clock moved by hand.

mod call;
mod cancel;
mod happy;
mod hours;
mod life;
mod link_notice;
mod lock;
mod notice;
mod protocol;
mod rest;
mod screens;
mod twice;
