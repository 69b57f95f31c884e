//! Step 6, what happens after.
