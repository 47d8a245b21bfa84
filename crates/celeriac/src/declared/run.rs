//! Running declared workflows.

use std::collections::BTreeMap;
use std::sync::Arc;

use celeriac_core::workflow::{Canvas, Options, Shape, Signature};
use celeriac_core::{MessageId, Name, Timestamp};
use celeriac_engine::canvas::Start;

use super::{Declaration, DeclarationError};
use crate::app::App;
use crate::handle::WorkflowHandle;
use crate::task::Registered;

impl App {
    /// Runs a declared workflow, which is kept first if it was not loaded. The
    /// run keeps to this version, whatever is declared later: its graph is
    /// stored with it.
    ///
    /// # Errors
    /// As [`App::declare_workflow`] and [`App::start`].
    pub async fn run_workflow(
        &self,
        declaration: &Declaration,
    ) -> Result<WorkflowHandle<serde_json::Value>, DeclarationError> {
        self.declare_workflow(declaration).await?;
        let now = Timestamp::now();
        let start = Start {
            id: MessageId::at(now),
            name: Name::from(declaration.name.as_str()),
            version: declaration.version,
            queue: declaration.queue.clone(),
            expires_at: now.after(self.config().tasks.result_ttl),
        };
        let id = start.id;
        let registry = self.registry();
        let tasks: BTreeMap<_, _> =
            registry.tasks.iter().map(|task| (task.name.as_str(), task)).collect();
        let mut canvas = declaration.canvas.clone();
        fill(&mut canvas, &tasks);
        self.start_as(start, &canvas).await?;
        Ok(self.workflow_handle(id))
    }
}

/// What a step does not say, its task says, where that is known: options of the
/// task that are not known where its messages are sent.
fn fill(canvas: &mut Canvas, tasks: &BTreeMap<&str, &Registered>) {
    let callbacks = canvas.link.iter_mut().chain(&mut canvas.on_error);
    callbacks.for_each(|signature| of_task(signature, tasks));
    match &mut canvas.shape {
        Shape::Task(signature) | Shape::Map { signature, .. } => of_task(signature, tasks),
        Shape::Dag { stages, .. } => {
            stages.iter_mut().for_each(|stage| fill(&mut stage.canvas, tasks));
        }
        Shape::Switch { cases, .. } => cases.iter_mut().for_each(|(_, case)| fill(case, tasks)),
        // A declaration consists of no others.
        _ => {}
    }
}

fn of_task(signature: &mut Signature, tasks: &BTreeMap<&str, &Registered>) {
    let Some(task) = tasks.get(signature.task.as_str()) else { return };
    let said = signature.options.take().map(Arc::unwrap_or_clone).unwrap_or_default();
    let own = task.step_options();
    let options = Options {
        queue: said.queue.or(own.queue),
        priority: said.priority.or(own.priority),
        expires: said.expires.or(own.expires),
        ..said
    };
    signature.options = (options != Options::default()).then(|| Arc::new(options));
}
