//! What is wrong with a declaration, and where.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::node::At;
use crate::connect::Error;
use crate::workflow::WorkflowError;

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub(super) at: At,
    message: String,
}

impl Mistake {
    pub(super) fn new(at: At, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.at.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.at.column
    }

    /// What is wrong, and what to do about it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Why workflows were not loaded, or not run.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// The file can't be read.
    #[error("failed to read {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// The file's name does not say what it is.
    #[error("failed to read {}: its name must end in .toml, .yaml or .yml", file.display())]
    Format {
        /// The file.
        file: PathBuf,
    },
    /// Something in it is wrong: all that was found, in order.
    #[error("{}", Listed(file, mistakes))]
    Mistakes {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        mistakes: Vec<Mistake>,
    },
    /// The version was declared before, and was another.
    #[error(
        "`{name}` version {version} was loaded before and is not the same now; a version never \
         changes: give this one a new number"
    )]
    Changed {
        /// The workflow.
        name: String,
        /// The version.
        version: u32,
    },
    /// No such workflow, or no such version, was loaded.
    #[error("no workflow `{name}` was loaded{}", Known(known))]
    Unknown {
        /// The name, with the version if one was asked for.
        name: String,
        /// What was loaded of that name, or else all names.
        known: Vec<String>,
    },
    /// A stored declaration can't be read: a later Celeriac wrote it.
    #[error("failed to read what is stored of `{name}` version {version}: {reason}")]
    Unreadable {
        /// The workflow.
        name: String,
        /// The version.
        version: u32,
        /// What is wrong.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
    /// It was not started.
    #[error(transparent)]
    Start(#[from] WorkflowError),
}

struct Listed<'a>(&'a Path, &'a [Mistake]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Mistake { at, message }) in self.1.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            write!(f, "{line}{}:{at}: {message}", self.0.display())?;
        }
        Ok(())
    }
}

struct Known<'a>(&'a [String]);

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("; load a file that declares it"),
            known => write!(f, "; there is {}", known.join(", ")),
        }
    }
}
