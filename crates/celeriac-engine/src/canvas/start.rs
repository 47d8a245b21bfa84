//! Start: from a canvas to a workflow that is kept, and the message that begins it.

use celeriac_core::workflow::{Canvas, NewWorkflow, Page, StepId, Workflow};
use celeriac_core::{Message, MessageId, Name, QueueName, Timestamp};

use super::advance::begin;
use super::compile::{CompileError, compile};

/// What a workflow that begins is called, and where it waits.
///
/// ```
/// use celeriac_core::workflow::{Canvas, Signature};
/// use celeriac_core::{MessageId, Name, QueueName, Timestamp};
/// use celeriac_engine::canvas::Start;
/// let now = Timestamp::from_millis(1);
/// let start = Start {
///     id: MessageId::at(now),
///     name: Name::from_static("nightly"),
///     version: 0,
///     queue: QueueName::DEFAULT,
///     expires_at: Timestamp::NEVER,
/// };
/// let canvas = Canvas::from(Signature::new("add"));
/// let (new, begin) = start.of(&canvas, now)?;
/// // Kept first, then the message is published.
/// assert_eq!(begin.rare().workflow.as_ref().map(|step| step.id), Some(new.workflow.id));
/// # Ok::<(), celeriac_engine::canvas::CompileError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its id; starting one that is there already changes nothing.
    pub id: MessageId,
    /// What it is called, for people.
    pub name: Name,
    /// The version of its declaration; 0 without one.
    pub version: u32,
    /// Where the messages wait that it sends itself.
    pub queue: QueueName,
    /// Until when it is kept, unless it is still running then.
    pub expires_at: Timestamp,
}

impl Start {
    /// The workflow to keep, and then the message to publish.
    ///
    /// # Errors
    /// [`CompileError`] says what is wrong with the canvas.
    pub fn of(
        self,
        canvas: &Canvas,
        now: Timestamp,
    ) -> Result<(NewWorkflow, Message), CompileError> {
        let pages = compile(canvas)?;
        let workflow = Workflow {
            id: self.id,
            name: self.name,
            version: self.version,
            graph: self.id,
            root: StepId(0),
            end: pages.last().map_or(StepId(0), Page::end),
            parent: None,
            scopes: vec![self.id],
            path: Vec::new(),
            queue: self.queue,
            created_at: now,
            expires_at: self.expires_at,
        };
        let begin = begin(&workflow, 0, now);
        Ok((NewWorkflow { workflow, epoch: 0, pages }, begin))
    }
}
