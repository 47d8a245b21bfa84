//! Workflows in flight: what became of their steps is told to the canvas
//! engine, and what it wants done is added to a commit.
//!
//! A workflow is an actor whose state is in the store; what is kept here is
//! only a cache of what never changes. Nothing here publishes or settles.

mod asks;
mod cache;
mod fate;
mod telling;
mod wanted;

use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::workflow::{StepMark, Value, Workflow};
use celeriac_core::{Broker, ContentType, MessageId, Store, Timestamp};
use celeriac_engine::canvas::{self, Act, Context, Limits, Need, Resolver, Said};
use celeriac_engine::{Commit, Told};

use asks::Ask;
use cache::Cache;
use fate::Fate;
use telling::Telling;
use wanted::Wanted;

/// The content type of a value that can't be read any more: whoever needs it fails.
const GONE: &str = "a result that is not kept any more";

/// What a router knows of the workflows whose steps come by: a bounded cache.
#[derive(Debug, Default)]
pub struct Workflows {
    cache: Cache,
    limits: Limits,
}

/// Whose turn it is.
#[derive(Clone, Debug)]
struct Of {
    workflow: Arc<Workflow>,
    epoch: u32,
}

/// Something that is told to a workflow.
#[derive(Clone, Debug)]
struct Turn {
    of: Of,
    said: Said,
}

impl Turn {
    /// Whether all of the workflow is cancelled by it.
    fn cancels_all(&self) -> bool {
        let Said::Cancelled(_, revoked) = &self.said else { return false };
        self.of.workflow.scopes.iter().any(|scope| revoked.contains(scope))
    }
}

impl Workflows {
    /// Records what became of steps, tells it to their workflows, and adds
    /// what follows to `commit`, whose `told` becomes shorter. Where much
    /// follows, some of it is left for the next call: do the rest first.
    ///
    /// If the broker is one with the store, all of it is one transaction.
    ///
    /// # Errors
    /// The driver's error; `commit` is as it was.
    ///
    /// # Cancel safety
    /// Safe: dropped, `commit` is as it was, and the next call repeats it.
    pub async fn tell(
        &mut self,
        broker: &dyn Broker,
        store: &dyn Store,
        commit: &mut Commit,
    ) -> Result<()> {
        let ids: Vec<MessageId> = commit.told.iter().filter_map(fate::workflow_of).collect();
        self.cache.load(store, &ids).await?;
        let is_one = broker.store_id().is_some_and(|id| store.store_id() == Some(id));
        if is_one && let Some(fates) = fate::if_first(&commit.told) {
            let mut telling = self.begin(store, &commit.told, fates).await?;
            if telling.advance(broker, &commit.told).await? {
                return self.go_on(store, telling, commit).await;
            }
            // One has ended before: each is recorded before it is told.
        }
        let fates = fate::record(store, &commit.told).await?;
        let telling = self.begin(store, &commit.told, fates).await?;
        self.go_on(store, telling, commit).await
    }

    /// Tells as much as is enough for once.
    async fn begin(
        &mut self,
        store: &dyn Store,
        told: &[Told],
        mut fates: Vec<Fate>,
    ) -> Result<Telling> {
        let (mut wanted, mut asks, mut count) = (Wanted::default(), Vec::new(), 0);
        for (told, fate) in told.iter().zip(&mut fates) {
            if wanted.is_full() {
                break;
            }
            count += 1;
            let place = told.message.rare().workflow.as_ref();
            let workflow = place.and_then(|place| self.cache.workflow(place.id));
            let (Some(place), Some(workflow)) = (place, workflow) else { continue };
            let Some(said) = fate.take_said() else { continue };
            let turn = Turn { of: Of { workflow, epoch: place.epoch }, said };
            self.take(store, turn, &mut wanted, &mut asks).await?;
        }
        Ok(Telling { fates, wanted, asks, turns: Vec::new(), count })
    }

    /// Asks what is to be asked, until nothing is, and hands over what is wanted.
    async fn go_on(
        &mut self,
        store: &dyn Store,
        telling: Telling,
        commit: &mut Commit,
    ) -> Result<()> {
        let Telling { fates, mut wanted, mut asks, mut turns, count } = telling;
        loop {
            for turn in turns {
                self.take(store, turn, &mut wanted, &mut asks).await?;
            }
            if asks.is_empty() {
                break;
            }
            // What is noted meanwhile need not be noted later.
            let marks = std::mem::take(&mut wanted.commit.mark_steps);
            let answers = asks::answer(store, std::mem::take(&mut asks));
            let (answers, marked) = tokio::join!(answers, note(store, marks));
            marked?;
            turns = answers?;
        }
        for (told, fate) in commit.told.drain(..count).zip(fates) {
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
        if turn.cancels_all() && !wanted.cancels(turn.of.workflow.id) {
            return Ok(());
        }
        for act in self.step(store, &turn).await? {
            match act {
                Act::Join(_) | Act::Collect { .. } => {
                    asks.push(Ask { of: turn.of.clone(), act });
                }
                act => wanted.add(&turn.of, act),
            }
        }
        Ok(())
    }

    /// What the engine wants done; it is asked again for each page and value
    /// that it needs first.
    async fn step(&mut self, store: &dyn Store, turn: &Turn) -> Result<Vec<Act>> {
        let Of { workflow, epoch } = &turn.of;
        let mut values = Vec::new();
        self.cache.touch(workflow.graph);
        loop {
            let context = Context {
                workflow,
                epoch: *epoch,
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
