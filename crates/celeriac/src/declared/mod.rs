//! Declared workflows: files, or [`workflow!`](crate::workflow!) in a program,
//! that say which steps there are and what each needs, checked as a whole before
//! anything runs. `docs/workflows.md` has all keys.
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
//! | `needs` | steps that must end before; what they give comes first among the arguments: the result of one, or a map of the results of several by their ids; unless `args` refers to it |
//! | `args` | arguments: a list, or a table by name; `"$.extract.files"` is taken from what a needed step gave |
//! | `foreach` | run the task for each item of this list in what it needs, an item as its first argument |
//! | `when` | run it only if this holds, as in `"$.extract.count > 0"`; otherwise it is `SKIPPED`, and what came in goes out |
//! | `on_error` | `"wait_all"` (default); `"settle"`: what needs it gets its error as a value; of `foreach` also `"fail_fast"` |
//! | `immutable` | `true`: it ignores the results of what it needs |
//! | `link`, `link_error` | tasks to be called back |
//! | `queue`, `priority`, `countdown`, `expires`, `time_limit`, `soft_time_limit`, `result_ttl`, `retry`, `headers`, `sinks`, `concurrency_token` | options, durations as in `"30s"` |
//!
//! A step begins when all that it needs have ended. Names, references, how many
//! arguments there are and their types ([`TaskSchema`]) are
//! checked against the tasks that are registered.

mod arguments;
mod build;
mod check;
mod document;
mod fits;
mod kept;
mod mistake;
mod node;
mod options;
mod read;
mod reading;
mod run;
mod toml;
mod value_type;
mod when;
#[doc(hidden)]
pub mod written;
mod yaml;

use std::collections::BTreeMap;

use celeriac_core::{QueueName, workflow};

pub use document::Document;
pub use mistake::{DeclarationError, Mistake};

use crate::app::App;
use crate::schema::TaskSchema;
use read::Workflow;

/// A workflow that was declared and found right. It never changes: another
/// version is another declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    name: String,
    version: u32,
    queue: QueueName,
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

    /// Its graph, of which nothing has run.
    #[must_use]
    pub fn drawing(&self) -> crate::Drawing {
        let title = format!("{} version {}", self.name, self.version);
        // What can't be compiled was refused when it was checked.
        let pages = celeriac_engine::canvas::compile(&self.canvas).unwrap_or_default();
        crate::Drawing::of_pages(title, &pages)
    }

    /// What it runs.
    #[must_use]
    pub fn canvas(&self) -> &workflow::Canvas {
        &self.canvas
    }
}

/// The tasks that are known, by name; if there are none, tasks are not checked.
pub(crate) type Tasks = BTreeMap<String, TaskSchema>;

impl App {
    /// Checks a document against the tasks that are registered with this app. If
    /// none is, as in a program that only sends, tasks are not checked.
    ///
    /// # Errors
    /// [`DeclarationError::Mistakes`] with everything that is wrong: cycles,
    /// unknown tasks and steps, references to what is not needed or not there,
    /// arguments that the task does not take; with line and column.
    pub fn check_workflows(
        &self,
        document: &Document,
    ) -> Result<Vec<Declaration>, DeclarationError> {
        self.check_workflows_with(document, self.task_schemas())
    }

    /// As [`Self::check_workflows`], against these tasks.
    ///
    /// # Errors
    /// The same.
    pub fn check_workflows_with(
        &self,
        document: &Document,
        tasks: Vec<TaskSchema>,
    ) -> Result<Vec<Declaration>, DeclarationError> {
        let tasks = tasks.into_iter().map(|task| (task.name.clone(), task)).collect();
        checked(document, &tasks).map_err(|mistakes| {
            let file = document.file.clone();
            DeclarationError::Mistakes { file, mistakes }
        })
    }

    /// Checks a document, and keeps what it declares in the store: from then on
    /// it can be run by its name, and its versions never change.
    ///
    /// # Errors
    /// As [`Self::check_workflows`] and [`Self::declare_workflow`].
    pub async fn load_workflows(
        &self,
        document: &Document,
    ) -> Result<Vec<Declaration>, DeclarationError> {
        let declared = self.check_workflows(document)?;
        for declaration in &declared {
            self.declare_workflow(declaration).await?;
        }
        Ok(declared)
    }
}

/// What a JSON schema allows, for people.
pub(crate) fn type_of(schema: &serde_json::Value) -> String {
    value_type::Type::of(schema).to_string()
}

fn checked(document: &Document, tasks: &Tasks) -> Result<Vec<Declaration>, Vec<Mistake>> {
    let root = document.root.as_ref().map_err(|mistake| vec![mistake.clone()])?;
    let mut mistakes = Vec::new();
    let workflows = read::workflows(root, tasks, &mut mistakes);
    let declared = workflows.iter().filter_map(|one| declare(one, tasks, &mut mistakes));
    let declared: Vec<_> = declared.collect();
    mistakes.sort_by_key(|mistake| mistake.at);
    if mistakes.is_empty() { Ok(declared) } else { Err(mistakes) }
}

fn declare(workflow: &Workflow, tasks: &Tasks, mistakes: &mut Vec<Mistake>) -> Option<Declaration> {
    let order = build::order(&workflow.steps, mistakes)?;
    check::steps(&workflow.steps, &order, tasks, mistakes);
    let canvas = build::canvas(workflow);
    let Workflow { name, version, at, .. } = workflow;
    if let Err(error) = celeriac_engine::canvas::compile(&canvas) {
        mistakes.push(Mistake::new(*at, error.to_string()));
    }
    let queue = workflow.queue.clone().unwrap_or(QueueName::DEFAULT);
    Some(Declaration { name: name.clone(), version: *version, queue, canvas })
}
