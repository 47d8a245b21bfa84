//! Circuit breakers of tasks: what counts, and what becomes of deliveries while
//! one is open.

use std::time::Duration;

use celeriac_core::broker::{Receipt, Settlement, Verdict};
use celeriac_core::health::{CircuitState, HealthStatus};
use celeriac_core::platform::{Finished, RunKey, RunResult, TaskInfo};
use celeriac_core::{Failure, Message, Name, QueueName, RetryPolicy, Timestamp};
use celeriac_engine::breaker::{Change, Options};
use celeriac_engine::{
    Breakers, CircuitNews, Effects, Engine, Facts, Input, Limits, Subscriptions,
};

use crate::fixture::{NOW, SILENT, TASK, delivery, success, task};

const OWN: QueueName = QueueName::from_static("own");

/// `TASK` is alone on its queue, `SILENT` shares the default one.
fn engine() -> Engine {
    let other = Name::from_static("other");
    let tasks = [
        TaskInfo { queue: OWN, retry: RetryPolicy::immediate(9), ..task(TASK, false) },
        task(SILENT, false),
        task(other, false),
    ];
    let breakers = Breakers { default: Some(Options::default()), ..Breakers::default() };
    Engine::new(&tasks, Subscriptions::default(), Limits::default()).guarded_by(&breakers)
}

fn at(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

fn step(engine: &mut Engine, now: Timestamp, input: Input) -> (Effects, CircuitNews) {
    let mut effects = Effects::default();
    engine.step(now, input, &mut effects);
    (effects, engine.circuit_news().unwrap_or_default())
}

fn message(name: Name) -> Message {
    let mut message = Message::command(name.clone(), "{}");
    if name == TASK {
        message.queue = OWN;
    }
    message
}

fn deliver(engine: &mut Engine, now: Timestamp, message: Message) -> (Effects, CircuitNews) {
    let deliveries = vec![delivery(message, 7)];
    step(engine, now, Input::Delivered(deliveries, Facts::default()))
}

fn run(engine: &mut Engine, now: Timestamp, message: Message) -> RunKey {
    deliver(engine, now, message).0.dispatch[0].key
}

fn end(engine: &mut Engine, now: Timestamp, key: RunKey, result: RunResult) -> CircuitNews {
    step(engine, now, Input::Finished(vec![Finished { key, result }])).1
}

fn fails() -> RunResult {
    RunResult::Failed { failure: Failure::new("panic", "no"), retry_after: None }
}

fn trip(engine: &mut Engine, now: Timestamp, name: &Name) -> CircuitNews {
    for _ in 0..2 {
        let key = run(engine, now, message(name.clone()));
        assert!(end(engine, now, key, fails()).changes.is_empty());
    }
    let key = run(engine, now, message(name.clone()));
    end(engine, now, key, fails())
}

fn back() -> [Settlement; 1] {
    [Settlement { receipt: Receipt(7), verdict: Verdict::Requeue }]
}

#[test]
fn three_messages_that_fail_unexpectedly_one_after_the_other_open_it() {
    let mut engine = engine();
    let news = trip(&mut engine, NOW, &TASK);
    let (name, change, why) = &news.changes[0];
    assert_eq!((name, why.as_deref()), (&TASK, Some("panic: no")));
    assert!(matches!(change, Change::Tripped { until, .. } if *until == at(30)), "{change:?}");
    assert_eq!(news.shut, [(OWN, at(30))]);
    assert_eq!(news.reports[0].circuit, CircuitState::Open);
}

#[test]
fn what_a_task_expects_does_not_count() {
    let failure = || Failure::new("e", "no");
    let results = [
        success(),
        RunResult::Final { failure: failure() },
        RunResult::Failed { failure: failure(), retry_after: Some(Duration::ZERO) },
        RunResult::Undecodable { failure: failure() },
        RunResult::Poisonous { failure: failure() },
        RunResult::Released,
    ];
    for result in results {
        let mut engine = engine();
        for _ in 0..9 {
            let key = run(&mut engine, NOW, message(TASK));
            let news = end(&mut engine, NOW, key, result.clone());
            assert!(news.changes.is_empty(), "{result:?}");
        }
    }
}

#[test]
fn one_message_that_fails_again_and_again_counts_once() {
    let mut engine = engine();
    let bad = message(TASK);
    for attempt in 0..8 {
        let again = Message { attempt, ..bad.clone() };
        let key = run(&mut engine, NOW, again);
        assert!(end(&mut engine, NOW, key, fails()).changes.is_empty());
    }
}

#[test]
fn a_healthy_mix_does_not_open_it() {
    let mut engine = engine();
    for number in 0..60 {
        let key = run(&mut engine, NOW, message(TASK));
        let result = if number % 3 == 0 { success() } else { fails() };
        assert!(end(&mut engine, NOW, key, result).changes.is_empty());
    }
}

#[test]
fn from_its_own_queue_a_delivery_goes_back_as_it_is() {
    let mut engine = engine();
    trip(&mut engine, NOW, &TASK);
    let (effects, _) = deliver(&mut engine, at(1), message(TASK));
    assert!(effects.dispatch.is_empty() && effects.commit.schedule.is_empty());
    assert_eq!(effects.commit.settle, back());
}

#[test]
fn from_a_shared_queue_deliveries_are_put_off_one_after_the_other() {
    let mut engine = engine();
    let news = trip(&mut engine, NOW, &SILENT);
    assert_eq!(news.shut, [], "others wait there too");
    for number in 0..3 {
        let (effects, _) = deliver(&mut engine, at(1), message(SILENT));
        let later = &effects.commit.schedule[0];
        assert_eq!(later.rare().eta, Some(at(30).after(Duration::from_millis(number))));
        assert_eq!((later.attempt, later.may_repeat), (0, true), "no attempt is used up");
        assert_eq!(effects.commit.settle[0].verdict, Verdict::Ack);
    }
    assert_eq!(engine.stats().put_off, 3);
    let (effects, _) = deliver(&mut engine, at(1), message(Name::from_static("other")));
    assert_eq!(effects.dispatch.len(), 1, "the others go on");
}

#[test]
fn one_probe_decides() {
    let mut engine = engine();
    trip(&mut engine, NOW, &TASK);
    let probe = run(&mut engine, at(30), message(TASK));
    let (effects, news) = deliver(&mut engine, at(30), message(TASK));
    assert_eq!(effects.commit.settle, back(), "one is enough");
    assert_eq!(news.shut, [(OWN, at(60))]);
    let news = end(&mut engine, at(31), probe, fails());
    assert_eq!(news.shut, [(OWN, at(61))], "open again, though only one failed");
    let probe = run(&mut engine, at(61), message(TASK));
    let news = end(&mut engine, at(62), probe, success());
    assert_eq!((news.changes[0].1, news.shut), (Change::Recovered, Vec::new()));
    run(&mut engine, at(62), message(TASK));
    run(&mut engine, at(62), message(TASK));
}

#[test]
fn while_a_probe_runs_shared_deliveries_come_again_soon() {
    let mut engine = engine();
    trip(&mut engine, NOW, &SILENT);
    run(&mut engine, at(30), message(SILENT));
    let (effects, _) = deliver(&mut engine, at(30), message(SILENT));
    assert_eq!(effects.commit.schedule[0].rare().eta, Some(at(31)));
}

#[test]
fn a_probe_that_says_nothing_gives_its_place_to_another() {
    for lost in [false, true] {
        let mut engine = engine();
        trip(&mut engine, NOW, &TASK);
        let probe = run(&mut engine, at(30), message(TASK));
        let news = match lost {
            true => step(&mut engine, at(31), Input::Lost(TASK)).1,
            false => end(&mut engine, at(31), probe, RunResult::Released),
        };
        assert_eq!(news.shut, [(OWN, at(31))], "it may be probed at once");
        run(&mut engine, at(31), message(TASK));
    }
}

#[test]
fn runs_that_began_before_it_opened_decide_nothing() {
    let mut engine = engine();
    let early = run(&mut engine, NOW, message(TASK));
    trip(&mut engine, NOW, &TASK);
    run(&mut engine, at(30), message(TASK));
    let news = end(&mut engine, at(31), early, success());
    assert!(news.changes.is_empty(), "{news:?}");
}

#[test]
fn whoever_was_let_through_to_probe_and_was_none_is_told_of() {
    let mut engine = engine();
    trip(&mut engine, NOW, &TASK);
    let mut expired = message(TASK);
    expired.rare_mut().expires_at = Some(at(1));
    let (_, news) = deliver(&mut engine, at(30), expired);
    assert_eq!(news.shut, [(OWN, at(30))], "the next one may come");
}

#[test]
fn checks_open_it_by_rules_and_close_it_when_its_time_is_over() {
    let mut engine = engine();
    let observed = |engine: &mut Engine, now, status| {
        step(engine, now, Input::Observed(vec![TASK], status, "check bank: down".to_owned())).1
    };
    assert!(observed(&mut engine, NOW, HealthStatus::Unhealthy).changes.is_empty());
    let news = observed(&mut engine, at(1), HealthStatus::Unhealthy);
    assert_eq!(news.reports[0].why.as_deref(), Some("check bank: down"));
    assert_eq!(news.shut, [(OWN, at(31))]);
    let news = observed(&mut engine, at(31), HealthStatus::Healthy);
    assert_eq!(news.changes[0].1, Change::Recovered);
}

#[test]
fn a_task_without_a_breaker_goes_on() {
    let tasks = [task(TASK, false)];
    let mut breakers = Breakers { default: Some(Options::default()), ..Breakers::default() };
    breakers.tasks.insert(TASK, None);
    let mut engine =
        Engine::new(&tasks, Subscriptions::default(), Limits::default()).guarded_by(&breakers);
    for _ in 0..9 {
        let key = run(&mut engine, NOW, Message::command(TASK, "{}"));
        end(&mut engine, NOW, key, fails());
    }
}
