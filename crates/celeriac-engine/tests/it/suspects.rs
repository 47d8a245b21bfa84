//! Messages whose next death would be their last run one at a time.

use celeriac_core::broker::Delivery;
use celeriac_engine::Input;

use crate::fixture::*;

fn suspect(receipt: u64) -> Delivery {
    Delivery { deaths: 2, redelivered: true, ..delivery(command(), receipt) }
}

#[test]
fn suspects_run_one_at_a_time_and_hold_up_nobody() {
    let mut engine = engine();
    let effects = deliver(&mut engine, vec![suspect(1), suspect(2), delivery(command(), 3)]);
    assert_eq!(effects.dispatch.len(), 2, "one suspect and the innocent");
    let (innocent, first) = (effects.dispatch[0].key, effects.dispatch[1].key);

    let effects = finish(&mut engine, innocent, success());
    assert!(effects.dispatch.is_empty(), "the second suspect waits for the first");
    let effects = finish(&mut engine, first, success());
    assert_eq!(told(&effects), ["complete SUCCESS", "ack 1"]);
    assert!(effects.commit.settles_suspect);
    let effects = step(&mut engine, Input::SuspectSettled);
    assert_eq!(told(&effects), ["dispatch"]);
}

#[test]
fn one_death_makes_no_suspect() {
    let mut engine = engine();
    let survivor = |receipt| Delivery { deaths: 1, ..suspect(receipt) };
    let effects = deliver(&mut engine, vec![survivor(1), survivor(2)]);
    assert_eq!(effects.dispatch.len(), 2);
}

#[test]
fn waiting_suspects_go_back_when_the_router_stops() {
    let mut engine = engine();
    deliver(&mut engine, vec![suspect(1), suspect(2), suspect(3)]);
    assert_eq!(told(&step(&mut engine, Input::Stopping)), ["requeue 2", "requeue 3"]);
}

#[test]
fn a_repetition_of_a_waiting_suspect_is_settled() {
    let mut engine = engine();
    let waiting = suspect(2);
    deliver(&mut engine, vec![suspect(1), waiting.clone()]);
    let receipt = celeriac_core::broker::Receipt(9);
    let again = Delivery { receipt, redelivered: false, ..waiting };
    assert_eq!(told(&deliver(&mut engine, vec![again])), ["ack 9"]);
}
