//! The task that is measured: it enters its run in the ledger, and is done. And
//! the body of the chord that is measured.

use std::sync::Arc;

use celeriac::State;

use super::ledger::Ledger;

/// The queue of the measured tasks. Nobody else's: what a killed run left in it
/// is discarded by the next.
pub(super) const QUEUE: &str = "celeriac.bench";

#[celeriac::task(name = "celeriac.bench", queue = "celeriac.bench", retry = false)]
pub(super) async fn bench(run: u64, index: u64, payload: String, ledger: State<Arc<Ledger>>) {
    std::hint::black_box(payload);
    ledger.enter(run, index);
}

#[celeriac::task(name = "celeriac.bench.body", queue = "celeriac.bench", retry = false)]
pub(super) async fn body(results: Vec<()>) -> usize {
    results.len()
}
