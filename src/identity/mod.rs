//! Step 2, the five checks.
