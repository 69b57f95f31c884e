//! Vectors and tables of the keys folder.
