//! What goes wrong, as people and programs are told: an exit code, a message,
//! and what to do next.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use celeriac::declared::DeclarationError;
use celeriac::workflow::WorkflowError;
use celeriac::{ResultError, WorkflowResultError};
use celeriac_core::ErrorKind;
use celeriac_core::message::InvalidMessage;
use serde::Serialize;

/// The result of a command.
pub(crate) type Result<T, E = Problem> = std::result::Result<T, E>;

/// The exit codes, as `celeriac --help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command did not do what it was asked for, or the task failed.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// What was asked for does not exist.
    NotFound = 3,
    /// The broker does not answer, is in use, or time ran out. Try again.
    Unavailable = 4,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command ends without success.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    pub(crate) exit: Exit,
    #[serde(rename = "error")]
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    pub(crate) fn failure(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failure, message)
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with the calls in its hint as this program is called.
    pub(crate) fn said_by(&self, program: &str) -> Self {
        let hint = self.hint.as_ref();
        let hint = hint.map(|hint| hint.replace("`celeriac ", &format!("`{program} ")));
        Self { exit: self.exit, message: self.message.clone(), hint }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Errors of the app become problems by what lies at their bottom.
macro_rules! from_errors {
    ($($error:ty),*) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                of_error(&error)
            }
        })*
    };
}

from_errors!(celeriac::Error, celeriac::SendError, celeriac::StartError, celeriac::RequeueError);

impl From<WorkflowError> for Problem {
    fn from(error: WorkflowError) -> Self {
        match &error {
            WorkflowError::Unknown(_) => Self::new(Exit::NotFound, &error)
                .hint("`celeriac workflow list` shows those that are kept"),
            _ => of_error(&error),
        }
    }
}

impl From<WorkflowResultError> for Problem {
    fn from(error: WorkflowResultError) -> Self {
        match &error {
            WorkflowResultError::Unknown(_) => Self::new(Exit::NotFound, &error)
                .hint("`celeriac workflow list` shows those that are kept"),
            WorkflowResultError::Failed { id, .. } => Self::failure(&error)
                .hint(format!("`celeriac workflow retry {id}` goes on from there")),
            WorkflowResultError::Store(error) => of_error(error),
            _ => Self::failure(&error),
        }
    }
}

impl From<celeriac::security::Error> for Problem {
    fn from(error: celeriac::security::Error) -> Self {
        Self::usage(&error)
    }
}

impl From<DeclarationError> for Problem {
    fn from(error: DeclarationError) -> Self {
        match &error {
            DeclarationError::Unknown { .. } => Self::new(Exit::NotFound, &error)
                .hint("`celeriac workflow list --declared` shows those that were loaded"),
            DeclarationError::Store(error) => of_error(error),
            DeclarationError::Start(error) => of_error(error),
            _ => Self::usage(&error),
        }
    }
}

impl From<ResultError> for Problem {
    fn from(error: ResultError) -> Self {
        match &error {
            ResultError::Timeout { .. } => Self::new(Exit::Unavailable, &error)
                .hint("is a worker running that knows the task? See `celeriac inspect registered`"),
            ResultError::Store(error) => of_error(error),
            _ => Self::failure(&error),
        }
    }
}

fn of_error(error: &(dyn Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(found) = cause {
        let shared = found.downcast_ref::<Arc<celeriac_core::Error>>().map(Arc::as_ref);
        if let Some(driver) = shared.or(found.downcast_ref()) {
            return of_driver(error, driver.kind());
        }
        let address = matches!(
            found.downcast_ref(),
            Some(
                celeriac::Error::Address { .. }
                    | celeriac::Error::NoStore { .. }
                    | celeriac::Error::Routes(_)
                    | celeriac::Error::NoBroker { .. }
            )
        );
        if address || found.is::<InvalidMessage>() {
            return Problem::usage(with_causes(error));
        }
        cause = found.source();
    }
    Problem::failure(with_causes(error))
}

fn of_driver(error: &dyn Error, kind: ErrorKind) -> Problem {
    let message = with_causes(error);
    match kind {
        ErrorKind::Busy => Problem::new(Exit::Unavailable, message)
            .hint("another process uses the directory but does not answer: look whether it hangs"),
        ErrorKind::Unreachable | ErrorKind::Timeout => Problem::new(Exit::Unavailable, message)
            .hint("check the address and that the broker runs, then try again"),
        ErrorKind::NoSpace => {
            Problem::new(Exit::Unavailable, message).hint("make room on the disk, then try again")
        }
        ErrorKind::Config | ErrorKind::Invalid => Problem::usage(message),
        ErrorKind::Denied => {
            Problem::failure(message).hint("run as a user that may read and write there")
        }
        _ => Problem::failure(message).hint("`celeriac doctor` looks closer"),
    }
}

/// The message of an error and of what caused it, joined.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        let more = error.to_string();
        // Many errors repeat their cause in their own text.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let inner = std::io::Error::other("the disk is full");
        let outer = std::io::Error::other(inner);
        assert_eq!(with_causes(&outer), "the disk is full");
    }

    #[test]
    fn hints_can_be_followed_as_they_are() {
        let problem = Problem::failure("x").hint("see `celeriac queues list`");
        let said = problem.said_by("shop --broker ./d");
        assert_eq!(said.next_step(), Some("see `shop --broker ./d queues list`"));
    }

    #[test]
    fn programs_read_the_error_and_the_hint() {
        let problem = Problem::usage("no such queue").hint("run `celeriac queues list`");
        assert_eq!(
            serde_json::to_string(&problem).unwrap(),
            r#"{"error":"no such queue","hint":"run `celeriac queues list`"}"#
        );
    }
}
