//! What never changes about workflows: their records and the pages of their
//! graphs, as many as were used of late.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::workflow::{StepId, Workflow};
use celeriac_core::{MessageId, Store};
use celeriac_engine::canvas::Graph;

/// How many workflows are remembered at the most.
const MAX_WORKFLOWS: usize = 4096;
/// How many steps of graphs: some 10 MiB where their arguments are small. A wide
/// group asks for each page a few times, for its members end about in order.
const MAX_STEPS: usize = 32_768;

static EMPTY: std::sync::LazyLock<Graph> = std::sync::LazyLock::new(Graph::default);

/// Something with the time of its last use.
#[derive(Debug)]
struct Used<T> {
    at: u64,
    it: T,
}

/// A bounded cache. What was not used for the longest time goes first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    workflows: HashMap<MessageId, Used<Arc<Workflow>>>,
    graphs: HashMap<MessageId, Used<Graph>>,
    steps: usize,
    clock: u64,
}

impl Cache {
    /// Loads the workflows that are not here yet, in one call. Those that the
    /// caller is going to use are not dropped before its next call.
    pub(super) async fn load(&mut self, store: &dyn Store, ids: &[MessageId]) -> Result<()> {
        self.clock += 1;
        self.make_room();
        let mut missing = BTreeSet::new();
        for id in ids {
            match self.workflows.get_mut(id) {
                Some(used) => used.at = self.clock,
                None => drop(missing.insert(*id)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let missing = Vec::from_iter(missing);
        for record in store.workflows(&missing).await?.into_iter().flatten() {
            let used = Used { at: self.clock, it: Arc::new(record.workflow) };
            self.workflows.insert(used.it.id, used);
        }
        let clock = self.clock;
        while self.workflows.len() > MAX_WORKFLOWS {
            let half = median(self.workflows.values().map(|used| used.at));
            self.workflows.retain(|_, used| used.at > half || used.at == clock);
            if half >= clock {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn workflow(&self, id: MessageId) -> Option<Arc<Workflow>> {
        self.workflows.get(&id).map(|used| used.it.clone())
    }

    /// Notes that a graph is used.
    pub(super) fn touch(&mut self, graph: MessageId) {
        if let Some(used) = self.graphs.get_mut(&graph) {
            used.at = self.clock;
        }
    }

    /// The pages of a graph that are here.
    pub(super) fn graph(&self, graph: MessageId) -> &Graph {
        self.graphs.get(&graph).map_or(&EMPTY, |used| &used.it)
    }

    /// Loads the page of a step; whether there is one.
    pub(super) async fn fetch(
        &mut self,
        store: &dyn Store,
        graph: MessageId,
        step: StepId,
    ) -> Result<bool> {
        let pages = store.pages(graph, &[step]).await?;
        let used = self.graphs.entry(graph).or_insert_with(|| Used { at: 0, it: Graph::default() });
        used.at = self.clock;
        let before = used.it.steps();
        pages.into_iter().flatten().for_each(|page| used.it.insert(Arc::new(page)));
        self.steps += used.it.steps() - before;
        Ok(used.it.node(step).is_some())
    }

    /// Drops graphs that were not used for the longest time. Only between
    /// batches: one step may need more pages than there is room for.
    fn make_room(&mut self) {
        while self.steps > MAX_STEPS {
            let oldest = self.graphs.iter().min_by_key(|(_, used)| used.at).map(|(id, _)| *id);
            let Some(used) = oldest.and_then(|oldest| self.graphs.remove(&oldest)) else { return };
            self.steps -= used.it.steps();
        }
    }
}

fn median(times: impl Iterator<Item = u64>) -> u64 {
    let mut times = Vec::from_iter(times);
    let middle = times.len() / 2;
    *times.select_nth_unstable(middle).1
}
