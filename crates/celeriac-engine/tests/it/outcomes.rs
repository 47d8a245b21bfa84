//! What follows from a run that ended.

use std::time::Duration;

use celeriac_core::platform::{RunKey, RunResult, TaskInfo};
use celeriac_core::{Failure, Kind, Message, RetryPolicy, State};
use celeriac_engine::{Engine, Limits, Subscriptions};

use crate::fixture::*;

fn failure() -> Failure {
    Failure::new("io", "gone")
}

fn check(message: Message, result: RunResult, expected: &[&str]) {
    let mut engine = engine();
    let key = dispatched(&mut engine, message);
    let effects = finish(&mut engine, key, result);
    assert_eq!(told(&effects), expected);
    assert_eq!(engine.held(), 0);
}

#[test]
fn a_success_is_recorded_then_settled() {
    check(command(), success(), &["complete SUCCESS", "ack 1"]);
}

#[test]
fn a_task_without_results_is_recorded_as_ignored() {
    check(Message::command(SILENT, "{}"), success(), &["complete IGNORED", "ack 1"]);
    check(command(), RunResult::Ignored, &["complete IGNORED", "ack 1"]);
}

#[test]
fn a_failure_is_tried_again_later() {
    let retry_after = Some(Duration::from_secs(3));
    let result = RunResult::Failed { failure: failure(), retry_after };
    check(command(), result, &["schedule attempt 1 in 3s", "mark RETRY", "ack 1"]);
}

#[test]
fn a_failure_without_delay_is_published_at_once() {
    let mut message = command();
    message.rare_mut().retry = Some(RetryPolicy::immediate(2));
    let result = RunResult::Failed { failure: failure(), retry_after: None };
    check(message, result, &["publish known", "mark RETRY", "ack 1"]);
}

#[test]
fn the_last_attempt_ends_in_failure_and_quarantine() {
    let mut message = command();
    message.attempt = 4;
    let result = RunResult::Failed { failure: failure(), retry_after: None };
    check(message, result, &["quarantine retries_exhausted", "complete FAILURE", "ack 1"]);
}

#[test]
fn a_final_failure_is_not_tried_again() {
    let result = RunResult::Final { failure: failure() };
    check(command(), result, &["complete FAILURE", "ack 1"]);
}

#[test]
fn a_poisonous_failure_is_kept_for_a_person() {
    let result = RunResult::Poisonous { failure: failure() };
    check(command(), result, &["quarantine poisonous", "complete FAILURE", "ack 1"]);
}

#[test]
fn undecodable_arguments_are_kept_for_a_person() {
    let result = RunResult::Undecodable { failure: failure() };
    check(command(), result, &["quarantine undecodable", "complete QUARANTINED", "ack 1"]);
}

#[test]
fn a_revoked_run_is_recorded_as_revoked() {
    check(command(), RunResult::Revoked, &["complete REVOKED", "ack 1"]);
}

#[test]
fn a_released_run_goes_back() {
    check(command(), RunResult::Released, &["requeue 1"]);
}

#[test]
fn a_run_is_finished_once() {
    let mut engine = engine();
    let key = dispatched(&mut engine, command());
    finish(&mut engine, key, success());
    assert!(told(&finish(&mut engine, key, success())).is_empty());
    assert!(told(&finish(&mut engine, RunKey(77), success())).is_empty());
}

#[test]
fn outcomes_expire_as_the_message_or_else_the_task_says() {
    let mut engine = engine();
    let mut message = command();
    message.rare_mut().result_ttl = Some(Duration::from_secs(5));
    for (message, seconds) in [(command(), 60), (message, 5)] {
        let key = dispatched(&mut engine, message);
        let effects = finish(&mut engine, key, success());
        let expires_at = effects.commit.complete[0].expires_at;
        assert_eq!(expires_at.since(NOW), Duration::from_secs(seconds));
        assert_eq!(state_of(&effects), State::Success);
    }
}

#[test]
fn a_value_is_a_document_for_each_sink_of_the_call_or_else_of_the_task() {
    let info = TaskInfo { sinks: vec!["a".to_owned(), "b".to_owned()], ..task(TASK, true) };
    for (said, expected) in [
        (vec![], vec!["sink.a", "sink.b"]),
        (vec!["c"], vec!["sink.c"]),
        (vec!["store"], vec![]),
        (vec!["store", "a"], vec!["sink.a"]),
    ] {
        let mut engine =
            Engine::new(std::slice::from_ref(&info), Subscriptions::default(), Limits::default());
        let mut message = command();
        message.rare_mut().sinks = said.into_iter().map(str::to_owned).collect();
        let id = message.id;
        let key = dispatched(&mut engine, message);
        let documents = finish(&mut engine, key, success()).commit.documents;
        let queues: Vec<_> = documents.iter().map(|document| document.queue.as_str()).collect();
        assert_eq!(queues, expected);
        for document in documents {
            assert_eq!((document.id, document.kind, &document.name), (id, Kind::Document, &TASK));
            assert_eq!((&document.body[..], document.may_repeat), (&b"1"[..], true));
        }
    }
    let mut engine = Engine::new(&[info], Subscriptions::default(), Limits::default());
    let key = dispatched(&mut engine, command());
    let failure = Failure::new("e", "it failed");
    let effects = finish(&mut engine, key, RunResult::Final { failure });
    assert!(effects.commit.documents.is_empty(), "a failure is none");
}
