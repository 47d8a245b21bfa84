//! Steps of workflows: whatever becomes of one is told to its workflow, which
//! settles it.

use bytes::Bytes;
use celeriac_core::message::WorkflowStep;
use celeriac_core::platform::RunResult;
use celeriac_core::workflow::{Canvas, SIGNAL, Signature, StepId};
use celeriac_core::{Failure, Message, MessageId, Name, State};
use celeriac_engine::{Effects, Facts, Input, News};

use crate::fixture::*;

fn id(number: u128) -> MessageId {
    MessageId::from_parts(NOW, number << 64)
}

fn scope() -> MessageId {
    id(7)
}

/// A step of a workflow, in one scope.
fn step_of(name: Name) -> Message {
    let mut message = Message::command(name, "{}");
    let place = WorkflowStep { scopes: vec![scope()], ..WorkflowStep::new(id(5), StepId(1)) };
    message.rare_mut().workflow = Some(place);
    message
}

/// What workflows are told, and what is done beside, as text.
fn news(effects: &Effects) -> Vec<String> {
    let mut all = told(effects);
    all.extend(effects.commit.told.iter().map(|told| match &told.news {
        News::Ended(completion) => format!("ended {}", completion.outcome.state),
        News::Again => "again".to_owned(),
        News::Cancelled(scopes) => format!("cancelled by {}", scopes.len()),
    }));
    all
}

fn check_delivered(message: Message, redelivered: bool, facts: Facts, expected: &[&str]) {
    let delivery = celeriac_core::broker::Delivery { redelivered, ..delivery(message, 1) };
    let effects = step(&mut engine(), Input::Delivered(vec![delivery], facts));
    assert_eq!(news(&effects), expected);
}

fn check_finished(name: Name, result: RunResult, expected: &[&str]) {
    let mut engine = engine();
    let key = dispatched(&mut engine, step_of(name));
    assert_eq!(news(&finish(&mut engine, key, result)), expected);
}

fn failure() -> Failure {
    Failure::new("e", "it failed")
}

#[test]
fn deliveries_of_steps() {
    let message = step_of(TASK);
    let ended = || Facts { ended: vec![message.id], ..Facts::default() };
    let revoked = |id| Facts { revoked: vec![id], ..Facts::default() };
    check_delivered(message.clone(), false, Facts::default(), &["dispatch"]);
    check_delivered(message.clone(), false, ended(), &["ack 1"]);
    check_delivered(message.clone(), true, ended(), &["again"]);
    let kept = &["quarantine revoked", "ended REVOKED"];
    check_delivered(message.clone(), false, revoked(message.id), kept);
    check_delivered(message.clone(), false, revoked(scope()), &["cancelled by 1"]);
    check_delivered(step_of(SIGNAL), false, Facts::default(), &["ended SUCCESS"]);
    let unknown = ["quarantine unknown_task", "ended QUARANTINED"];
    check_delivered(step_of(Name::from_static("unheard")), false, Facts::default(), &unknown);
    let mut late = message;
    late.rare_mut().expires_at = Some(NOW);
    let expired = ["quarantine expired", "ended QUARANTINED"];
    check_delivered(late, false, Facts::default(), &expired);
}

#[test]
fn ends_of_steps() {
    let final_failure = RunResult::Final { failure: failure() };
    let poisonous = RunResult::Poisonous { failure: failure() };
    let undecodable = RunResult::Undecodable { failure: failure() };
    check_finished(TASK, success(), &["ended SUCCESS"]);
    check_finished(SILENT, success(), &["ended SUCCESS"]);
    check_finished(TASK, RunResult::Ignored, &["ended IGNORED"]);
    check_finished(TASK, final_failure, &["quarantine poisonous", "ended FAILURE"]);
    check_finished(TASK, poisonous, &["quarantine poisonous", "ended FAILURE"]);
    check_finished(TASK, undecodable, &["quarantine undecodable", "ended QUARANTINED"]);
    check_finished(TASK, RunResult::Revoked, &["quarantine revoked", "ended REVOKED"]);
    check_finished(TASK, RunResult::Released, &["requeue 1"]);
}

#[test]
fn a_scope_that_is_revoked_cancels_what_runs_in_it() {
    let mut engine = engine();
    let key = dispatched(&mut engine, step_of(TASK));
    dispatched(&mut engine, command());
    let effects = step(&mut engine, Input::Revoked(vec![scope()]));
    assert_eq!(effects.cancel, [key]);
    let effects = finish(&mut engine, key, RunResult::Revoked);
    assert_eq!(news(&effects), ["cancelled by 1"]);
    let effects = deliver(&mut engine, vec![delivery(step_of(TASK), 2)]);
    assert_eq!(news(&effects), ["cancelled by 1"], "the engine remembers it");
}

#[test]
fn a_task_that_is_no_step_is_replaced_by_a_workflow_of_its_id() {
    let canvas = || Box::new(Canvas::from(Signature::new(TASK)));
    check_finished(TASK, RunResult::Replaced { canvas: canvas() }, &["ended SUCCESS"]);

    let mut engine = engine();
    let message = command();
    let id = message.id;
    let key = dispatched(&mut engine, message);
    let effects = finish(&mut engine, key, RunResult::Replaced { canvas: canvas() });
    assert_eq!(news(&effects), ["publish celeriac::signal", "ack 1"]);
    assert_eq!(effects.commit.create[0].workflow.id, id);

    let mut deep = Canvas::from(Signature::new(TASK));
    for _ in 0..40 {
        deep = Canvas::chain(vec![deep]);
    }
    let key = dispatched(&mut engine, command());
    let effects = finish(&mut engine, key, RunResult::Replaced { canvas: Box::new(deep) });
    assert_eq!(news(&effects), ["complete FAILURE", "ack 1"]);
    assert_eq!(effects.commit.complete[0].outcome.state, State::Failure);
    assert_eq!(effects.commit.complete[0].outcome.value, Bytes::new());
}
