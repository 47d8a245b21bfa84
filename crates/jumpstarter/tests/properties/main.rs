//! Random trees of actors under random scripts, faults and schedules: what holds
//! for every one of them.
//!
//! Long form: `PROPTEST_CASES=20000 cargo test -p jumpstarter --test properties`.
//! Case by case this is a plan ([`plan`]), carried out by actors ([`node`], [`hooked`]) and a
//! script ([`script`]), counted ([`ledger`]) and judged ([`verdict`]).

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]

mod hooked;
mod ledger;
mod node;
mod plan;
mod script;
mod verdict;

use jumpstarter::testing;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};

use crate::verdict::Reached;

const REGRESSIONS: &str = "tests/properties/regressions.txt";
/// Unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 400;

/// The same cases in each run, unless their number is asked for: then others
/// each time.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS))),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn promises_hold_whatever_happens(plan in plan::any_plan()) {
        let seed = plan.seed;
        let record = testing::run(seed, async |system| script::carry_out(system, plan).await);
        verdict::judge(&record)?;
    }
}

/// Promises about what never happens would hold as well.
#[test]
fn the_cases_reach_what_they_are_about() {
    let mut runner = TestRunner::deterministic();
    let mut reached = Reached::default();
    for _ in 0..CASES {
        let plan = plan::any_plan().new_tree(&mut runner).unwrap().current();
        let seed = plan.seed;
        reached.add(&testing::run(seed, async |system| script::carry_out(system, plan).await));
    }
    let seldom = reached.seldom(CASES / 20);
    assert!(seldom.is_empty(), "{seldom:?} are reached in less than one case of 20: {reached:?}");
}
