//! Step 4, what exists afterwards.
