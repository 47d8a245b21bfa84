//! Outcomes: what follows from a run that ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::broker::Verdict;
use celeriac_core::outcome::{Completion, Mark, Outcome};
use celeriac_core::platform::{Finished, RunResult};
use celeriac_core::store::{Content, Quarantined, Reason};
use celeriac_core::workflow::Canvas;
use celeriac_core::{ContentType, Failure, Kind, Message, Priority, State, Timestamp, sink, wire};

use crate::canvas::Start;
use crate::effects::{Commit, Effects};
use crate::engine::Engine;
use crate::in_flight::Flight;
use crate::retry::{self, Decision};

impl Engine {
    /// Publishes, writes and settles what follows from one run.
    pub(crate) fn finish(&mut self, now: Timestamp, finished: Finished, effects: &mut Effects) {
        let Some(mut flight) = self.in_flight.remove(finished.key) else {
            return;
        };
        let verdict = match finished.result {
            RunResult::Released => Verdict::Requeue,
            _ => Verdict::Ack,
        };
        effects.commit.settle_copies(&mut flight, verdict);
        if self.suspect_runs == Some(finished.key) {
            effects.commit.settles_suspect = true;
        }
        let run = (finished.key, flight.message.id);
        self.circuits.ended(now, flight.task, run, &finished.result);
        match finished.result {
            RunResult::Success { content_type, value } => {
                self.stats.succeeded += 1;
                self.document(now, &flight, &content_type, &value, &mut effects.commit);
                // Who needs the result of a step is its workflow.
                let is_step = flight.message.rare().workflow.is_some();
                if self.tasks[flight.task].ignore_result && !is_step {
                    return self.ignore(now, &flight, effects);
                }
                let attempt = flight.message.attempt;
                let outcome = Outcome::success(attempt, now, content_type, value);
                self.complete(&flight, outcome, effects);
            }
            RunResult::Replaced { canvas } => self.replace(now, flight, &canvas, effects),
            RunResult::Failed { .. } if flight.runs_earlier => {
                self.dispatch(Flight { runs_earlier: false, ..flight }, effects);
            }
            RunResult::Failed { failure, retry_after } => {
                self.fail(now, flight, failure, retry_after, effects);
            }
            RunResult::Final { failure } => {
                if flight.message.rare().workflow.is_some() {
                    // Tried again by hand, its workflow goes on.
                    return self.give_up(now, flight, Reason::Poisonous, failure, effects);
                }
                self.stats.failed += 1;
                let attempt = flight.message.attempt;
                let outcome = Outcome::failed(State::Failure, attempt, now, failure);
                self.complete(&flight, outcome, effects);
            }
            RunResult::Undecodable { failure } => {
                let why = (Reason::Undecodable, failure);
                let Flight { receipt, message, deaths, .. } = flight;
                self.refuse(now, receipt, message, deaths, why, &mut effects.commit);
            }
            RunResult::Poisonous { failure } => {
                self.give_up(now, flight, Reason::Poisonous, failure, effects);
            }
            RunResult::Revoked => {
                self.stats.revoked += 1;
                let Flight { message, receipt, .. } = flight;
                let scopes = match self.is_revoked(message.id) {
                    true => Vec::new(),
                    false => self.revoked_scopes(&message),
                };
                effects.commit.revoked(now, &message, receipt, scopes);
            }
            RunResult::Ignored => {
                self.stats.succeeded += 1;
                self.ignore(now, &flight, effects);
            }
            RunResult::Released => self.release(flight.receipt, effects),
        }
    }

    /// The value as a document for each of the task's sinks, under the task's
    /// id: also if it comes again, after a crash, it is known by that.
    fn document(
        &self,
        now: Timestamp,
        flight: &Flight,
        content_type: &ContentType,
        value: &Bytes,
        commit: &mut Commit,
    ) {
        let (message, of_task) = (&flight.message, &self.tasks[flight.task].sinks);
        let of_call = &message.rare().sinks;
        let sinks = if of_call.is_empty() { of_task } else { of_call };
        for name in sinks.iter().filter(|name| *name != sink::STORE) {
            let document = Message {
                id: message.id,
                kind: Kind::Document,
                name: message.name.clone(),
                queue: sink::queue_of(name),
                priority: Priority::default(),
                content_type: content_type.clone(),
                created_at: now,
                attempt: 0,
                may_repeat: true,
                rare: None,
                body: value.clone(),
            };
            commit.documents.push(document.into());
        }
    }

    fn complete(&self, flight: &Flight, outcome: Outcome, effects: &mut Effects) {
        let ttl = flight.message.rare().result_ttl.unwrap_or(self.tasks[flight.task].result_ttl);
        let (id, expires_at) = (flight.message.id, outcome.finished_at.after(ttl));
        let completion = Completion { id, expires_at, outcome };
        effects.commit.ended(&flight.message, flight.receipt, completion);
    }

    /// A task put a canvas in its own place. A step says so to its workflow;
    /// any other task becomes a workflow under its own id.
    fn replace(&mut self, now: Timestamp, flight: Flight, canvas: &Canvas, effects: &mut Effects) {
        let message = &flight.message;
        if message.rare().workflow.is_some() {
            self.stats.succeeded += 1;
            let bytes = wire::encode_canvas(canvas).into();
            let content_type = Canvas::CONTENT_TYPE.into();
            let outcome = Outcome::success(message.attempt, now, content_type, bytes);
            return self.complete(&flight, outcome, effects);
        }
        let ttl = message.rare().result_ttl.unwrap_or(self.tasks[flight.task].result_ttl);
        let start = Start {
            id: message.id,
            name: message.name.clone(),
            version: 0,
            queue: message.queue.clone(),
            expires_at: now.after(ttl),
        };
        match start.of(canvas, now) {
            Ok((new, begin)) => {
                self.stats.succeeded += 1;
                effects.commit.create.push(new);
                effects.commit.publish.push(begin.into());
                effects.commit.ack(flight.receipt);
            }
            Err(error) => {
                self.stats.failed += 1;
                let failure = Failure::new("replace", error.to_string());
                let outcome = Outcome::failed(State::Failure, message.attempt, now, failure);
                self.complete(&flight, outcome, effects);
            }
        }
    }

    /// Records the end without a value, so that a redelivery is not run again.
    fn ignore(&self, now: Timestamp, flight: &Flight, effects: &mut Effects) {
        let outcome = Outcome {
            state: State::Ignored,
            failure: None,
            ..Outcome::success(
                flight.message.attempt,
                now,
                flight.message.content_type.clone(),
                Bytes::new(),
            )
        };
        self.complete(flight, outcome, effects);
    }

    fn fail(
        &mut self,
        now: Timestamp,
        flight: Flight,
        failure: Failure,
        retry_after: Option<Duration>,
        effects: &mut Effects,
    ) {
        let message = &flight.message;
        let policy = message.rare().retry.unwrap_or(self.tasks[flight.task].retry);
        match retry::decide(&policy, message, retry_after) {
            Decision::Exhausted => {
                self.give_up(now, flight, Reason::RetriesExhausted, failure, effects);
            }
            Decision::Again(delay) => {
                self.stats.retried += 1;
                effects.commit.mark.push(Mark {
                    id: message.id,
                    state: State::Retry,
                    attempt: message.attempt,
                    progress: None,
                    failure: Some(Box::new(failure)),
                });
                let next = next_attempt(message, now, delay);
                if delay.is_zero() {
                    effects.commit.publish.push(next);
                } else {
                    effects.commit.schedule.push(next);
                }
                effects.commit.ack(flight.receipt);
            }
        }
    }

    /// Records the failure, and keeps the message for a person.
    fn give_up(
        &mut self,
        now: Timestamp,
        flight: Flight,
        reason: Reason,
        failure: Failure,
        effects: &mut Effects,
    ) {
        self.stats.failed += 1;
        self.stats.quarantined += 1;
        effects.commit.quarantine.push(Quarantined {
            content: Content::Message(flight.message.clone()),
            reason,
            failure: failure.clone(),
            at: now,
            deaths: flight.deaths,
        });
        let outcome = Outcome::failed(State::Failure, flight.message.attempt, now, failure);
        self.complete(&flight, outcome, effects);
    }
}

fn next_attempt(message: &Arc<Message>, now: Timestamp, delay: Duration) -> Arc<Message> {
    let mut next = Message::clone(message);
    next.attempt = message.attempt.saturating_add(1);
    // Published again if the process dies before this attempt is settled.
    next.may_repeat = true;
    next.rare_mut().eta = (!delay.is_zero()).then(|| now.after(delay));
    next.into()
}
