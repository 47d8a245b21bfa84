//! Why a canvas can't be sent. What is wrong is kept until then, so that
//! building needs no `?` at every part.

use celeriac_core::workflow::PathError;
use celeriac_engine::canvas::CompileError;

/// Why a canvas can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanvasError {
    /// An argument, or an item, has no JSON form.
    #[error("an argument of `{task}` has no JSON form: {reason}")]
    Argument {
        /// The task.
        task: String,
        /// What the codec said.
        reason: String,
    },
    /// A value that a condition compares with has no JSON form.
    #[error("the value that {path} is compared with has no JSON form: {reason}")]
    Compared {
        /// The place that is compared.
        path: String,
        /// What the codec said.
        reason: String,
    },
    /// An option that only a single call can have.
    #[error("`{option}` of `{task}` can't be set on a step of a workflow; it is for single calls")]
    Option {
        /// The task.
        task: &'static str,
        /// The option.
        option: &'static str,
    },
    /// A text that is no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The canvas as a whole breaks a limit, or says what can't be.
    #[error(transparent)]
    Compile(#[from] CompileError),
}
