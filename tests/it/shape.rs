//! The shape of the house (architecture §2): which folder may use which, who may name which library, file length.
