//! Mail: SMTP, or files while testing.
