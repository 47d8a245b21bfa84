//! Workflows in flight: what became of their steps is told to the canvas
//! engine, and what it wants done is added to a commit.
//!
//! A workflow is an actor whose state is in the store; what is kept here is
//! only a cache of what never changes. Nothing here publishes or settles.

mod asks;
mod cache;
mod fate;
mod wanted;

use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::workflow::{StepMark, Value, Workflow};
use celeriac_core::{ContentType, MessageId, Store, Timestamp};
use celeriac_engine::Commit;
use celeriac_engine::canvas::{self, Act, Context, Limits, Need, Resolver, Said};

use asks::Ask;
use cache::Cache;
use wanted::Wanted;

/// The content type of a value that can't be read any more: whoever needs it fails.
const GONE: &str = "a result that is not kept any more";

/// What a router knows of the workflows whose steps come by: a bounded cache.
#[derive(Debug, Default)]
pub struct Workflows {
    cache: Cache,
    limits: Limits,
}

/// Something that is told to a workflow.
#[derive(Clone, Debug)]
struct Turn {
    workflow: Arc<Workflow>,
    epoch: u32,
    said: Said,
}

impl Turn {
    /// Whether all of the workflow is cancelled by it.
    fn cancels_all(&self) -> bool {
        let Said::Cancelled(_, revoked) = &self.said else { return false };
        self.workflow.scopes.iter().any(|scope| revoked.contains(scope))
    }
}

impl Workflows {
    /// Records what became of steps, tells it to their workflows, and adds
    /// what follows to `commit`, whose `told` becomes shorter. Where much
    /// follows, some of it is left for the next call: do the rest first.
    ///
    /// # Errors
    /// The store's error; `commit` is as it was.
    ///
    /// # Cancel safety
    /// Safe: dropped, `commit` is as it was, and the next call repeats it.
    pub async fn tell(&mut self, store: &dyn Store, commit: &mut Commit) -> Result<()> {
        let mut fates = fate::record(store, &commit.told).await?;
        let ids: Vec<MessageId> = commit.told.iter().filter_map(fate::workflow_of).collect();
        self.cache.load(store, &ids).await?;
        let turns = commit.told.iter().zip(&mut fates).map(|(told, fate)| {
            let place = told.message.rare().workflow.as_ref()?;
            let workflow = self.cache.workflow(place.id)?;
            Some(Turn { workflow, epoch: place.epoch, said: fate.take_said()? })
        });
        let turns: Vec<Option<Turn>> = turns.collect();
        let (mut wanted, mut asks, mut told) = (Wanted::default(), Vec::new(), 0);
        for turn in turns {
            if wanted.is_full() {
                break;
            }
            told += 1;
            if let Some(turn) = turn {
                self.take(store, turn, &mut wanted, &mut asks).await?;
            }
        }
        while !asks.is_empty() {
            // What is noted meanwhile need not be noted later.
            let marks = std::mem::take(&mut wanted.commit.mark_steps);
            let answers = asks::answer(store, std::mem::take(&mut asks));
            let (answers, marked) = tokio::join!(answers, note(store, marks));
            marked?;
            for turn in answers? {
                self.take(store, turn, &mut wanted, &mut asks).await?;
            }
        }
        for (told, fate) in commit.told.drain(..told).zip(fates) {
            wanted.settle(told, fate);
        }
        commit.absorb(wanted.commit);
        Ok(())
    }

    /// One turn of one workflow.
    async fn take(
        &mut self,
        store: &dyn Store,
        turn: Turn,
        wanted: &mut Wanted,
        asks: &mut Vec<Ask>,
    ) -> Result<()> {
        if turn.cancels_all() && !wanted.cancels(turn.workflow.id) {
            return Ok(());
        }
        for act in self.step(store, &turn).await? {
            match act {
                Act::Join(_) | Act::Collect { .. } => {
                    asks.push(Ask { workflow: turn.workflow.clone(), epoch: turn.epoch, act });
                }
                act => wanted.add(&turn, act),
            }
        }
        Ok(())
    }

    /// What the engine wants done; it is asked again for each page and value
    /// that it needs first.
    async fn step(&mut self, store: &dyn Store, turn: &Turn) -> Result<Vec<Act>> {
        let workflow = &*turn.workflow;
        let mut values = Vec::new();
        self.cache.touch(workflow.graph);
        loop {
            let context = Context {
                workflow,
                epoch: turn.epoch,
                graph: self.cache.graph(workflow.graph),
                values: &values,
                limits: self.limits,
                now: Timestamp::now(),
            };
            match canvas::step(&context, turn.said.clone()) {
                Ok(acts) => return Ok(acts),
                Err(Need::Page(step)) => {
                    if !self.cache.fetch(store, workflow.graph, step).await? {
                        tracing::warn!(workflow = %workflow.id, %step,
                            "this step is not kept any more; what became of it is lost");
                        return Ok(Vec::new());
                    }
                }
                Err(Need::Value(reference)) => {
                    let value = resolve(store, Resolver::new(reference.clone())).await?;
                    values.push((reference, value));
                }
            }
        }
    }
}

async fn note(store: &dyn Store, marks: Vec<StepMark>) -> Result<()> {
    match marks.is_empty() {
        true => Ok(()),
        false => store.mark_steps(marks).await,
    }
}

/// Reads a value that is elsewhere. One that is gone is such that nobody can read it.
async fn resolve(store: &dyn Store, mut resolver: Resolver) -> Result<Value> {
    let gone = || Value::Inline(ContentType::from(GONE), bytes::Bytes::new());
    while let Some(wanted) = resolver.wanted() {
        let canvas::Wanted { workflow, join, from, max } = wanted;
        let members = store.members(workflow, join, from, max).await?;
        if let Err(error) = resolver.give(members) {
            tracing::warn!(%workflow, %error, "the results of a group can't be read");
            return Ok(gone());
        }
    }
    Ok(resolver.into_value().unwrap_or_else(gone))
}
