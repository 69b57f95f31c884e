//! The `renkei` program: see `renkei --help`.

fn main() {}
