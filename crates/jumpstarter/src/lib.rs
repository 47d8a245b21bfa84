//! Jumpstarter.
