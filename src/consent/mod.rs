//! Step 3, what was agreed.
