//! The whole way of a customer, from an app's request to the thirtieth day, as domain §8 wants it: the real server, on
//! SQLite and on PostgreSQL, with a clock moved by hand.

mod call;
mod happy;
mod hours;
mod life;
mod lock;
mod protocol;
mod rest;
mod screens;
mod twice;
