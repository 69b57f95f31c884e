//! Wiring: start, serve, stop.
