//! Which seeds are run, what they found, and how it is told.

use celeriac_testkit::sim::Report;
use std::collections::BTreeMap;

/// How many seeds a test runs, unless the environment says otherwise.
const SEEDS: u64 = 200;

/// The seeds of a test whose own begin at `first`.
pub(crate) fn seeds(first: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(one) = number("CELERIAC_SIM_SEED") {
        return vec![one];
    }
    let count = number("CELERIAC_SIM_SEEDS").unwrap_or(SEEDS);
    let from = number("CELERIAC_SIM_FROM").unwrap_or(0) + first;
    (from..from + count).collect()
}

/// Runs a test's seeds, whose own begin at `first`; one that breaks a promise is
/// run again with its trace.
pub(crate) fn each<T>(first: u64, what: &str, simulate: impl Fn(u64, bool) -> Report<T>) {
    let mut figures = Figures::default();
    for seed in seeds(first) {
        let mut report = simulate(seed, traced());
        figures.add(&report);
        if traced() {
            println!("{}\n{report}", report.trace.join("\n"));
        }
        if !report.is_well() {
            report = simulate(seed, true);
        }
        drop(report.unwrap());
    }
    figures.print(what);
}

/// Whether the trace of a single seed was asked for.
pub(crate) fn traced() -> bool {
    std::env::var_os("CELERIAC_SIM_TRACE").is_some()
}

/// What many seeds came to.
#[derive(Default)]
pub(crate) struct Figures {
    seeds: u64,
    faults: BTreeMap<&'static str, u64>,
    seconds: f64,
}

impl Figures {
    pub(crate) fn add<T>(&mut self, report: &Report<T>) {
        self.seeds += 1;
        self.seconds += report.elapsed.as_secs_f64();
        for (fault, count) in &report.faults {
            *self.faults.entry(fault).or_default() += count;
        }
    }

    pub(crate) fn print(&self, what: &str) {
        let faults: u64 = self.faults.values().sum();
        println!(
            "{what}: {} seeds, {faults} faults in {:.0} simulated seconds: {:?}",
            self.seeds, self.seconds, self.faults
        );
    }
}
