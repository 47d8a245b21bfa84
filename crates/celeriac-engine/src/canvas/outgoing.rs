//! The messages of steps, callbacks and signals.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::message::WorkflowStep;
use celeriac_core::workflow::{
    Each, JsonPath, Kind, Node, Options, SIGNAL, Signal, Signature, Status, StepId, Value, Workflow,
};
use celeriac_core::{
    ContentType, Failure, Message, MessageId, Name, Priority, QueueName, Timestamp, wire,
};

use super::advance::{Act, Input, Need, Stepper};
use super::binding::bound;
use super::condition::lookup;
use super::id::{signal_id, step_id};
use super::parts::picked;

impl Stepper<'_> {
    /// Sends a task, or fails the step if its message can't be made.
    pub(super) fn send(&mut self, step: StepId, node: &Node, input: Input) -> Result<(), Need> {
        let Kind::Task { signature, each, pick } = &node.kind else {
            return Ok(());
        };
        let signature = match self.bound(signature, input.as_ref(), each.is_none())? {
            Ok(signature) => signature,
            Err(reason) => return self.fail(step, Failure::new("arguments", reason)),
        };
        let signature = signature.as_ref();
        let input = match self.picked(pick, input)? {
            Ok(input) => input,
            Err(reason) => return self.fail(step, Failure::new("arguments", reason)),
        };
        let scopes = self.scopes_within(node.parent)?;
        match self.command(step, signature, *each, input, scopes) {
            Ok(message) => self.publish(step, message),
            Err(reason) => return self.fail(step, Failure::new("arguments", reason)),
        }
        Ok(())
    }

    /// Sends a callback. It is in no scope: it tells what has happened.
    pub(super) fn send_callback(&mut self, step: StepId, input: Input) -> Result<(), Need> {
        let Kind::Task { signature, .. } = &self.node(step)?.kind else {
            return Ok(());
        };
        let message = match self.bound(signature, input.as_ref(), true)? {
            Ok(signature) => self.command(step, &signature, None, input, Vec::new()),
            Err(reason) => Err(reason),
        };
        match message {
            Ok(message) => self.publish(step, message),
            Err(_) => self.mark_one(step, Status::Failure),
        }
        Ok(())
    }

    /// The signature with what it takes from what comes in. With `instead`,
    /// that does not come in front of its arguments as well.
    fn bound<'s>(
        &self,
        signature: &'s Signature,
        input: Option<&Value>,
        instead: bool,
    ) -> Result<Result<Cow<'s, Signature>, String>, Need> {
        if signature.bindings.is_empty() {
            return Ok(Ok(Cow::Borrowed(signature)));
        }
        Ok(self.read(input)?.and_then(|read| bound(signature, &read)).map(|mut filled| {
            filled.immutable |= instead;
            Cow::Owned(filled)
        }))
    }

    fn publish(&mut self, step: StepId, message: Message) {
        self.bytes_left = self.bytes_left.saturating_sub(message.body.len());
        self.mark_one(step, Status::Running);
        self.acts.push(Act::Send(Arc::new(message)));
    }

    fn picked(&self, pick: &JsonPath, input: Input) -> Result<Result<Input, String>, Need> {
        if *pick == JsonPath::WHOLE {
            return Ok(Ok(input));
        }
        Ok(match self.read(input.as_ref())? {
            Err(reason) => Err(reason),
            Ok(read) => match lookup(pick, &read) {
                Some(value) => picked(value).map(Some),
                None => Err(format!("nothing is at {pick} of the result of the step before")),
            },
        })
    }

    fn command(
        &self,
        step: StepId,
        signature: &Signature,
        each: Option<Each>,
        input: Input,
        scopes: Vec<MessageId>,
    ) -> Result<Message, String> {
        let context = self.context;
        let (workflow, epoch) = (context.workflow, context.epoch);
        let (inline, reference) = match input {
            Some(_) | None if signature.immutable => (None, None),
            None => (None, None),
            Some(Value::Inline(content_type, bytes)) => (Some((content_type, bytes)), None),
            Some(Value::Joined(reference)) => (None, Some(reference)),
        };
        let first = inline.as_ref().map(|(content_type, bytes)| (content_type, bytes));
        let (content_type, body) =
            signature.arguments.body(first).map_err(|error| error.to_string())?;
        let id = step_id(workflow.id, step, epoch);
        let mut message = command(id, signature.task.clone(), context.now, body);
        message.content_type = content_type;
        let place = WorkflowStep { id: workflow.id, step, epoch, scopes, input: reference, each };
        let rare = message.rare_mut();
        rare.root_id = Some(outermost(workflow));
        rare.parent_id = Some(workflow.id);
        rare.workflow = Some(place);
        if let Some(options) = &signature.options {
            apply(options, &mut message);
        }
        Ok(message)
    }
}

/// A command that follows from others: it may be published again.
fn command(id: MessageId, name: Name, created_at: Timestamp, body: Bytes) -> Message {
    Message {
        id,
        kind: celeriac_core::Kind::Command,
        name,
        queue: QueueName::DEFAULT,
        priority: Priority::default(),
        content_type: ContentType::Json,
        created_at,
        attempt: 0,
        may_repeat: true,
        rare: None,
        body,
    }
}

fn outermost(workflow: &Workflow) -> MessageId {
    workflow.scopes.first().copied().unwrap_or(workflow.id)
}

fn apply(options: &Options, message: &mut Message) {
    let now = message.created_at;
    message.queue = options.queue.clone().unwrap_or(QueueName::DEFAULT);
    message.priority = options.priority.unwrap_or_default();
    let rare = message.rare_mut();
    rare.eta = options.countdown.map(|countdown| now.after(countdown.0));
    rare.expires_at = options.expires.map(|expires| now.after(expires.0));
    rare.retry = options.retry;
    rare.time_limit = options.time_limit.map(|limit| limit.0);
    rare.soft_time_limit = options.soft_time_limit.map(|limit| limit.0);
    rare.result_ttl = options.result_ttl.map(|ttl| ttl.0);
    rare.concurrency_token.clone_from(&options.concurrency_token);
    rare.sinks.clone_from(&options.sinks);
    rare.headers.clone_from(&options.headers);
}

/// A signal from `workflow` to a step of `to`, in the scopes of `workflow`.
pub(super) fn signal(
    workflow: &Workflow,
    to: MessageId,
    step: StepId,
    epoch: u32,
    what: &str,
    signal: &Signal,
    now: Timestamp,
) -> Message {
    let id = signal_id(to, step, epoch, what);
    let mut message = command(id, SIGNAL, now, wire::encode_signal(signal).into());
    message.content_type = ContentType::Raw;
    message.queue = workflow.queue.clone();
    let scopes = workflow.scopes.clone();
    let rare = message.rare_mut();
    rare.root_id = Some(outermost(workflow));
    rare.parent_id = Some(workflow.id);
    rare.workflow = Some(WorkflowStep { scopes, epoch, ..WorkflowStep::new(to, step) });
    message
}
