//! How a task's error becomes a verdict: try again, or not.

use std::fmt;
use std::time::Duration;

use celeriac_core::Failure;
use celeriac_core::platform::RunResult;

/// What should follow an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again after the delay of the retry policy.
    Backoff,
    /// Try again after this delay.
    After(Duration),
    /// Do not try again: the task failed.
    Never,
}

/// An error type that says whether another attempt may help. Errors of types
/// that do not implement it are tried again as the task's policy says.
///
/// ```
/// use celeriac::{Retry, Retryable};
///
/// #[derive(Debug, thiserror::Error)]
/// enum PaymentError {
///     #[error("the card was declined")]
///     Declined,
///     #[error("the bank does not answer")]
///     Unreachable,
/// }
///
/// impl Retryable for PaymentError {
///     fn retry(&self) -> Retry {
///         match self {
///             Self::Declined => Retry::Never,
///             Self::Unreachable => Retry::Backoff,
///         }
///     }
/// }
/// ```
pub trait Retryable {
    /// What should follow this error.
    fn retry(&self) -> Retry;
}

/// A task's error, ready for the engine.
#[derive(Debug)]
pub struct Fault {
    failure: Failure,
    retry: Retry,
    poisonous: bool,
}

impl Fault {
    /// A fault that no other attempt can mend.
    pub(crate) fn last(failure: Failure) -> Self {
        Self { failure, retry: Retry::Never, poisonous: false }
    }

    fn of<E: fmt::Display>(error: &E, retry: Retry) -> Self {
        let failure = Failure::new(short_name::<E>(), format!("{error:#}"));
        Self { failure, retry, poisonous: false }
    }

    pub(crate) fn poisonous(mut self, poisonous: bool) -> Self {
        self.poisonous = poisonous;
        self
    }

    pub(crate) fn into_result(self) -> RunResult {
        let failure = self.failure;
        match self.retry {
            _ if self.poisonous => RunResult::Poisonous { failure },
            Retry::Backoff => RunResult::Failed { failure, retry_after: None },
            Retry::After(delay) => RunResult::Failed { failure, retry_after: Some(delay) },
            Retry::Never => RunResult::Final { failure },
        }
    }
}

/// The type's name without its path, and without the paths of its parameters.
fn short_name<E>() -> String {
    let name = std::any::type_name::<E>();
    let end_of_path = name.find('<').unwrap_or(name.len());
    let start = name[..end_of_path].rfind("::").map_or(0, |at| at + 2);
    name[start..].to_owned()
}

/// Asks an error for its verdict, whether or not its type is [`Retryable`]:
/// `(&Probe(&error)).fault()` finds [`SaysItself`] before [`SaysNothing`].
#[derive(Debug)]
pub struct Probe<'a, E>(pub &'a E);

/// The verdict of a type that is [`Retryable`].
pub trait SaysItself {
    /// The error as a fault.
    fn fault(&self) -> Fault;
}

impl<E: Retryable + fmt::Display> SaysItself for Probe<'_, E> {
    fn fault(&self) -> Fault {
        Fault::of(self.0, self.0.retry())
    }
}

/// The verdict of a type that is not.
pub trait SaysNothing {
    /// The error as a fault.
    fn fault(&self) -> Fault;
}

impl<E: fmt::Display> SaysNothing for &Probe<'_, E> {
    fn fault(&self) -> Fault {
        Fault::of(self.0, Retry::Backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl fmt::Display for Silent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("silent")
        }
    }

    struct Fatal;

    impl fmt::Display for Fatal {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("fatal")
        }
    }

    impl Retryable for Fatal {
        fn retry(&self) -> Retry {
            Retry::Never
        }
    }

    #[test]
    fn an_error_type_is_asked_if_it_can_answer() {
        assert_eq!((&Probe(&Silent)).fault().retry, Retry::Backoff);
        assert_eq!(Probe(&Fatal).fault().retry, Retry::Never);
    }

    #[test]
    fn failures_bear_the_short_name_of_the_type() {
        assert_eq!(Probe(&Fatal).fault().failure.to_string(), "Fatal: fatal");
    }
}
