//! Random canvases, and what they must come to.
//!
//! [`Palette`] makes canvases of tasks that are pure functions of their
//! arguments ([`run`]); the [`Interpreter`] says what such a canvas means, step
//! after step, without messages, stores or crashes. [`smaller`] makes a failure
//! readable. The engine's tests, the simulation and the crash tests share them.

mod condition;
mod generate;
mod interpreter;
mod shrink;
mod size;
mod tasks;

pub use generate::Palette;
pub use interpreter::{Ended, Fault, Interpreter};
pub use shrink::smaller;
pub use size::steps;
pub use tasks::{KIND, Ran, TASKS, failures_before_success, normal, run, text};
