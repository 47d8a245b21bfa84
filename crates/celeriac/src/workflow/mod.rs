//! Workflows as data: what a canvas is made of, and how one is started.

mod cancel;
mod look;
mod start;

pub use celeriac_core::workflow::{
    Canvas, Comparison, Condition, Each, End, Items, JsonPath, Millis, Options, Policy, Record,
    Shape, Signature, Status, StepError, StepId,
};
pub use celeriac_engine::canvas::Start;
pub use celeriac_publisher::WorkflowError;
