//! Step 0, who asks.
