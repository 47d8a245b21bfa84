//! Declared workflows: files that say which steps there are and what each needs,
//! checked as a whole before anything runs.
//!
//! ```toml
//! [workflow.nightly]
//! version = 3
//!
//! [[workflow.nightly.step]]
//! id = "extract"
//! task = "etl.extract"
//!
//! [[workflow.nightly.step]]
//! id = "load"
//! needs = ["extract"]
//! task = "etl.load"
//! foreach = "$.extract.files"
//! on_error = "settle"
//! ```
//!
//! | key of a step | meaning |
//! |---|---|
//! | `id`, `task` | its name in the workflow, and the task that it runs |
//! | `needs` | steps that must end before; what they give comes first among the arguments: the result of one, or a map of the results of several by their ids |
//! | `args` | arguments after that: a list, or a table by name |
//! | `foreach` | run the task for each item of this list in what it needs, an item as its first argument |
//! | `when` | run it only if this holds, as in `"$.extract.count > 0"`; otherwise it is `SKIPPED`, and what came in goes out |
//! | `on_error` | of `foreach`: `"wait_all"` (default), `"fail_fast"`, `"settle"` |
//! | `immutable` | `true`: it ignores the results of what it needs |
//! | `queue`, `priority`, `countdown`, `expires`, `time_limit`, `soft_time_limit`, `result_ttl` | options, durations as in `"30s"` |
//!
//! `$.extract.files` begins with the id of a needed step. Steps that need the same
//! run at once. Arguments are checked by their number and names; their types show
//! when the tasks run.

mod build;
mod node;
mod read;
mod when;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use celeriac_core::{MessageId, Name, QueueName, Timestamp, workflow};
use celeriac_engine::canvas::Start;

use crate::app::App;
use crate::handle::WorkflowHandle;
use crate::workflow::WorkflowError;
use node::At;
use read::Workflow;

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    at: At,
    /// What is wrong, and what to do about it.
    message: String,
}

impl Mistake {
    fn new(at: At, message: impl Into<String>) -> Self {
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

/// Why workflows were not loaded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeclarationError {
    /// The file can't be read.
    #[error("failed to read {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// Something in it is wrong: all that was found, in order.
    #[error("{}", Listed(file, mistakes))]
    Mistakes {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        mistakes: Vec<Mistake>,
    },
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

/// A workflow that was declared and found right. It never changes: another
/// version is another declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    name: String,
    version: u32,
    canvas: workflow::Canvas,
}

impl Declaration {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What it runs.
    #[must_use]
    pub fn canvas(&self) -> &workflow::Canvas {
        &self.canvas
    }
}

/// The parameters of tasks that are known, by name. Of others nothing is checked.
pub(super) type Tasks = BTreeMap<String, &'static [&'static str]>;

impl App {
    /// Loads the workflows that a TOML file declares, and checks them against the
    /// tasks that are registered with this app. If none is registered, as in a
    /// program that only sends, tasks are not checked.
    ///
    /// # Errors
    /// [`DeclarationError`] with everything that is wrong: cycles, unknown tasks
    /// and steps, references to what is not needed, arguments that the task does
    /// not take; with line and column.
    pub fn load_workflows(
        &self,
        file: impl AsRef<Path>,
    ) -> Result<Vec<Declaration>, DeclarationError> {
        let file = file.as_ref();
        let text = std::fs::read_to_string(file).map_err(|source| DeclarationError::File {
            file: file.to_owned(),
            source: Arc::new(source),
        })?;
        self.parse_workflows(&text)
            .map_err(|mistakes| DeclarationError::Mistakes { file: file.to_owned(), mistakes })
    }

    /// As [`Self::load_workflows`], of the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong, in order.
    pub fn parse_workflows(&self, text: &str) -> Result<Vec<Declaration>, Vec<Mistake>> {
        let tasks: Tasks = self
            .registry()
            .tasks
            .iter()
            .map(|task| (task.name.as_str().to_owned(), task.parameters))
            .collect();
        let mut mistakes = Vec::new();
        let root = node::toml(text).map_err(|mistake| vec![mistake])?;
        let workflows = read::workflows(&root, &tasks, &mut mistakes);
        let built = workflows.iter().filter_map(|workflow| declare(workflow, &mut mistakes));
        let built: Vec<_> = built.collect();
        mistakes.sort_by_key(|mistake| mistake.at);
        if mistakes.is_empty() { Ok(built) } else { Err(mistakes) }
    }

    /// Runs a declared workflow. The run keeps to this version, whatever is
    /// declared later: its graph is stored with it.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn run_workflow(
        &self,
        declaration: &Declaration,
    ) -> Result<WorkflowHandle<serde_json::Value>, WorkflowError> {
        let now = Timestamp::now();
        let start = Start {
            id: MessageId::at(now),
            name: Name::from(declaration.name.as_str()),
            version: declaration.version,
            queue: QueueName::DEFAULT,
            expires_at: now.after(self.config().tasks.result_ttl),
        };
        let id = start.id;
        self.start_as(start, &declaration.canvas).await?;
        Ok(self.workflow_handle(id))
    }
}

fn declare(workflow: &Workflow, mistakes: &mut Vec<Mistake>) -> Option<Declaration> {
    let canvas = build::canvas(&workflow.steps, mistakes)?;
    let Workflow { name, version, at, .. } = workflow;
    if let Err(error) = celeriac_engine::canvas::compile(&canvas) {
        mistakes.push(Mistake::new(*at, error.to_string()));
    }
    Some(Declaration { name: name.clone(), version: *version, canvas })
}
