//! Step 1, what is asked.
