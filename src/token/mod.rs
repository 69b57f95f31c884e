//! Step 5, what is handed out.
