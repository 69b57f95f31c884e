//! The one HTTP client: timeouts, size caps, no redirects, no private addresses unless configured.
