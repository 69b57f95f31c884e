//! Typed configuration; unknown keys are refused.
