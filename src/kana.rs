//! Names in half-width katakana, as banks print them.
