//! The one integration-test binary; its files are named after the steps.

mod shape;
