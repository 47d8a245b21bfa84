//! What is being told: what became of each step, and what follows from it so far.

use std::sync::Arc;

use celeriac_core::Broker;
use celeriac_core::error::Result;
use celeriac_core::store::Advance;
use celeriac_engine::Told;

use super::Turn;
use super::asks::{self, Ask};
use super::fate::{self, Fate};
use super::wanted::Wanted;

/// What is being told.
pub(super) struct Telling {
    pub(super) fates: Vec<Fate>,
    pub(super) wanted: Wanted,
    pub(super) asks: Vec<Ask>,
    /// What is to be told next.
    pub(super) turns: Vec<Turn>,
    /// How many of the fates are told.
    pub(super) count: usize,
}

impl Telling {
    /// Records what is told, and does what follows from it, in one transaction
    /// with its store; whether it was done. It is not if one had ended before.
    pub(super) async fn advance(&mut self, broker: &dyn Broker, told: &[Told]) -> Result<bool> {
        let (join, asked, others) = asks::joining(std::mem::take(&mut self.asks));
        self.asks = others;
        let wanted = &mut self.wanted.commit;
        // What begins a workflow is published when that is kept.
        let mut publish = match wanted.create.is_empty() {
            true => std::mem::take(&mut wanted.publish),
            false => Vec::new(),
        };
        // What it follows from was never recorded before, so these were never
        // sent before: who takes them need not look whether they have ended.
        publish.iter_mut().for_each(|message| Arc::make_mut(message).may_repeat = false);
        let mark_steps = std::mem::take(&mut wanted.mark_steps);
        let complete = fate::completions(&told[..self.count]);
        let answers = broker.advance(Advance { complete, join, mark_steps, publish }).await?;
        let Some(answers) = answers else { return Ok(false) };
        self.turns.extend(asks::joined(asked, answers));
        Ok(true)
    }
}
