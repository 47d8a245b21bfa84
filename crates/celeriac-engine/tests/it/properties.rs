//! What holds for every sequence of inputs: each delivery is settled once.

use std::collections::{BTreeMap, BTreeSet};

use celeriac_core::broker::Delivery;
use celeriac_core::platform::RunResult;
use celeriac_core::{Failure, Message, Name};
use celeriac_engine::{Effects, Input};
use proptest::prelude::*;

use crate::fixture::*;

#[derive(Clone, Debug)]
enum Move {
    Deliver { known: bool, expired: bool, deaths: u32, repeat: bool },
    Finish { pick: usize, result: u8 },
    Revoke { pick: usize },
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let deliver = (any::<bool>(), prop::bool::weighted(0.1), 0u32..5, prop::bool::weighted(0.2))
        .prop_map(|(known, expired, deaths, repeat)| Move::Deliver {
            known,
            expired,
            deaths: deaths.saturating_sub(1),
            repeat,
        });
    let finish = (any::<usize>(), 0u8..8).prop_map(|(pick, result)| Move::Finish { pick, result });
    let revoke = any::<usize>().prop_map(|pick| Move::Revoke { pick });
    prop::collection::vec(prop_oneof![4 => deliver, 4 => finish, 1 => revoke], 1..200)
}

fn result(number: u8) -> RunResult {
    let failure = Failure::new("k", "m");
    match number {
        0 => RunResult::Failed { failure, retry_after: None },
        1 => RunResult::Final { failure },
        2 => RunResult::Poisonous { failure },
        3 => RunResult::Undecodable { failure },
        4 => RunResult::Revoked,
        5 => RunResult::Ignored,
        6 => RunResult::Released,
        _ => success(),
    }
}

fn message(known: bool, expired: bool) -> Message {
    let name = if known { TASK } else { Name::from_static("unknown") };
    let mut message = Message::command(name, "{}");
    message.rare_mut().expires_at = expired.then_some(NOW);
    message
}

proptest! {
    #[test]
    fn every_delivery_is_settled_exactly_once(moves in moves()) {
        let mut engine = engine();
        let mut settled = BTreeMap::<u64, u32>::new();
        let mut running = Vec::new();
        let mut sent: Vec<Message> = Vec::new();
        let mut receipts = 0u64;
        let note = |effects: &Effects, settled: &mut BTreeMap<u64, u32>, running: &mut Vec<_>| {
            for settlement in &effects.commit.settle {
                *settled.entry(settlement.receipt.0).or_default() += 1;
            }
            running.extend(effects.dispatch.iter().map(|run| run.key));
        };
        for step_taken in moves {
            let effects = match step_taken {
                Move::Deliver { known, expired, deaths, repeat } => {
                    let message = match sent.last() {
                        Some(last) if repeat => last.clone(),
                        _ => message(known, expired),
                    };
                    sent.push(message.clone());
                    receipts += 1;
                    let delivery = Delivery { deaths, ..delivery(message, receipts) };
                    deliver(&mut engine, vec![delivery])
                }
                Move::Finish { pick, result: number } if !running.is_empty() => {
                    let key = running.swap_remove(pick % running.len());
                    finish(&mut engine, key, result(number))
                }
                Move::Revoke { pick } if !sent.is_empty() => {
                    let id = sent[pick % sent.len()].id;
                    step(&mut engine, Input::Revoked(vec![id]))
                }
                _ => continue,
            };
            note(&effects, &mut settled, &mut running);
            if effects.commit.settles_suspect {
                let effects = step(&mut engine, Input::SuspectSettled);
                note(&effects, &mut settled, &mut running);
            }
        }
        let effects = step(&mut engine, Input::Stopping);
        note(&effects, &mut settled, &mut running);
        while let Some(key) = running.pop() {
            let effects = finish(&mut engine, key, RunResult::Released);
            note(&effects, &mut settled, &mut running);
        }
        prop_assert_eq!(engine.held(), 0);
        let all: BTreeSet<u64> = (1..=receipts).collect();
        prop_assert_eq!(settled.keys().copied().collect::<BTreeSet<_>>(), all);
        prop_assert!(settled.values().all(|times| *times == 1), "{:?}", settled);
    }
}
