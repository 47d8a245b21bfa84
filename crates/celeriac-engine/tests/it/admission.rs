//! What becomes of a delivery before anything runs.

use celeriac_core::broker::{Delivery, Receipt, Undecodable};
use celeriac_core::platform::RunResult;
use celeriac_core::{Failure, Kind, Message, MessageId, Name, QueueName};
use celeriac_engine::{Facts, Input};

use crate::fixture::*;

fn check(delivery: Delivery, facts: Facts, expected: &[&str]) {
    let mut engine = engine();
    let effects = step(&mut engine, Input::Delivered(vec![delivery], facts));
    assert_eq!(told(&effects), expected);
}

#[test]
fn a_known_command_is_dispatched() {
    check(delivery(command(), 7), Facts::default(), &["dispatch"]);
}

#[test]
fn an_unknown_task_goes_to_quarantine() {
    let message = Message::command(Name::from_static("unheard"), "{}");
    let expected = ["quarantine unknown_task", "complete QUARANTINED", "ack 7"];
    check(delivery(message, 7), Facts::default(), &expected);
}

#[test]
fn an_expired_command_goes_to_quarantine() {
    let mut message = command();
    message.rare_mut().expires_at = Some(NOW);
    let expected = ["quarantine expired", "complete QUARANTINED", "ack 7"];
    check(delivery(message, 7), Facts::default(), &expected);
}

#[test]
fn a_command_past_the_deadline_of_its_tree_goes_to_quarantine() {
    let mut message = command();
    message.rare_mut().deadline = Some(NOW);
    let expected = ["quarantine expired", "complete QUARANTINED", "ack 7"];
    check(delivery(message, 7), Facts::default(), &expected);
}

#[test]
fn a_revoked_command_is_not_run() {
    let message = command();
    let facts = Facts { revoked: vec![message.id], ..Facts::default() };
    check(delivery(message, 7), facts, &["complete REVOKED", "ack 7"]);
}

#[test]
fn a_finished_command_is_not_run_again() {
    let message = command();
    let facts = Facts { ended: vec![message.id], ..Facts::default() };
    check(delivery(message, 7), facts, &["ack 7"]);
}

#[test]
fn a_command_that_killed_three_processes_goes_to_quarantine() {
    let killer = Delivery { deaths: 3, redelivered: true, ..delivery(command(), 7) };
    let expected = ["quarantine killed_workers", "complete QUARANTINED", "ack 7"];
    check(killer, Facts::default(), &expected);
}

#[test]
fn bytes_that_are_no_message_go_to_quarantine() {
    let undecodable = Undecodable {
        id: MessageId::new(),
        queue: QueueName::DEFAULT,
        raw: "?".into(),
        reason: "no".to_owned(),
    };
    let payload = Err(Box::new(undecodable));
    let delivery = Delivery { receipt: Receipt(7), redelivered: false, deaths: 0, payload };
    check(delivery, Facts::default(), &["quarantine undecodable", "ack 7"]);
}

#[test]
fn an_event_becomes_one_command_per_subscription() {
    let event = Message::event(EVENT, "{}");
    let id = event.id;
    let mut engine = engine();
    let effects = deliver(&mut engine, vec![delivery(event.clone(), 7)]);
    assert_eq!(told(&effects), ["publish known", "publish known", "ack 7"]);
    let ids: Vec<_> = effects.commit.publish.iter().map(|command| command.id).collect();
    assert_eq!(ids, [id.derive("first"), id.derive("second")]);
    assert!(effects.commit.publish.iter().all(|command| command.rare().parent_id == Some(id)));

    let again = deliver(&mut engine, vec![delivery(event, 8)]);
    let same: Vec<_> = again.commit.publish.iter().map(|command| command.id).collect();
    assert_eq!(same, ids, "a redelivered event derives the same commands");
    assert!(again.commit.publish.iter().all(|command| command.may_repeat));
}

#[test]
fn an_event_that_nobody_hears_is_settled() {
    let event = Message::event(Name::from_static("unheard"), "{}");
    check(delivery(event, 7), Facts::default(), &["ack 7"]);
}

#[test]
fn an_event_that_can_not_be_read_goes_to_quarantine() {
    let event = Message::event(EVENT, "bad");
    assert_eq!(event.kind, Kind::Event);
    check(delivery(event, 7), Facts::default(), &["quarantine undecodable", "ack 7"]);
}

#[test]
fn a_repetition_of_what_is_in_flight_is_settled() {
    let mut engine = engine();
    let message = command();
    dispatched(&mut engine, message.clone());
    let effects = deliver(&mut engine, vec![delivery(message, 8)]);
    assert_eq!(told(&effects), ["ack 8"]);
}

#[test]
fn a_redelivery_of_what_is_in_flight_renews_its_receipt() {
    let mut engine = engine();
    let message = command();
    let key = dispatched(&mut engine, message.clone());
    let again = Delivery { redelivered: true, ..delivery(message, 8) };
    let effects = deliver(&mut engine, vec![again]);
    assert_eq!(told(&effects), [""; 0], "given back, a second message would come at once");
    assert_eq!(effects.begin, [Receipt(8)], "a death is counted by the new receipt");
    assert_eq!(told(&finish(&mut engine, key, success())), ["complete SUCCESS", "ack 1", "ack 8"]);
}

#[test]
fn receipts_of_what_is_delivered_again_and_again_go_back_in_the_end() {
    let mut engine = engine();
    let message = command();
    let key = dispatched(&mut engine, message.clone());
    let again = |receipt| Delivery { redelivered: true, ..delivery(message.clone(), receipt) };
    for receipt in 2..6 {
        assert_eq!(told(&deliver(&mut engine, vec![again(receipt)])), [""; 0]);
    }
    assert_eq!(told(&deliver(&mut engine, vec![again(6)])), ["requeue 1"]);
    let released = told(&finish(&mut engine, key, RunResult::Released));
    assert_eq!(released, ["requeue 2", "requeue 3", "requeue 4", "requeue 5", "requeue 6"]);
}

#[test]
fn a_later_attempt_takes_the_place_of_the_one_in_flight() {
    let mut engine = engine();
    let first = command();
    let second = Message { attempt: 1, ..first.clone() };
    let key = dispatched(&mut engine, first.clone());
    assert_eq!(told(&deliver(&mut engine, vec![delivery(second, 8)])), ["ack 1"]);
    let stale = Delivery { redelivered: true, ..delivery(first, 9) };
    assert_eq!(told(&deliver(&mut engine, vec![stale])), ["ack 9"]);
    let failed = || RunResult::Failed { failure: Failure::new("e", "again"), retry_after: None };
    let effects = finish(&mut engine, key, failed());
    assert_eq!(told(&effects), ["dispatch"], "the later one has yet to run");
    let effects = finish(&mut engine, effects.dispatch[0].key, failed());
    assert_eq!(effects.commit.schedule[0].attempt, 2, "now the second attempt failed");
}

#[test]
fn what_a_crashed_part_of_the_platform_ran_goes_back() {
    let mut engine = engine();
    let key = dispatched(&mut engine, command());
    let other = deliver(&mut engine, vec![delivery(Message::command(SILENT, "{}"), 2)]);
    assert_eq!(told(&step(&mut engine, Input::Lost(TASK))), ["requeue 1"]);
    assert!(told(&finish(&mut engine, key, success())).is_empty());
    assert_eq!(engine.held(), other.dispatch.len(), "other tasks go on");
}

#[test]
fn keys_of_another_epoch_mean_nothing() {
    let mut before = engine();
    let key = dispatched(&mut before, command());
    let mut after = engine().in_epoch(1);
    assert_ne!(dispatched(&mut after, command()), key);
    assert!(told(&finish(&mut after, key, success())).is_empty());
}

#[test]
fn what_comes_while_stopping_goes_back() {
    let mut engine = engine();
    step(&mut engine, Input::Stopping);
    let effects = deliver(&mut engine, vec![delivery(command(), 7)]);
    assert_eq!(told(&effects), ["requeue 7"]);
}

#[test]
fn a_revocation_cancels_what_runs_and_stops_what_comes() {
    let mut engine = engine();
    let (running, coming) = (command(), command());
    dispatched(&mut engine, running.clone());
    let effects = step(&mut engine, Input::Revoked(vec![running.id, coming.id]));
    assert_eq!(told(&effects), ["cancel"]);
    let effects = deliver(&mut engine, vec![delivery(coming, 8)]);
    assert_eq!(told(&effects), ["complete REVOKED", "ack 8"]);
}
