//! The engine's decisions, as tables: one input, the effects that must follow.

mod admission;
mod canvas;
mod circuits;
mod fixture;
mod outcomes;
mod properties;
mod steps;
mod suspects;
