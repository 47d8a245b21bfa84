//! What follows from a run that ended.

use std::time::Duration;

use celeriac_core::platform::{RunKey, RunResult};
use celeriac_core::{Failure, Message, RetryPolicy, State};

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
