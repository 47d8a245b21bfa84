//! A sink outside of all processes: it outlives them, and fails as it likes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Error, ErrorKind, Message, MessageId, Sink};
use parking_lot::Mutex;

use crate::dice::Dice;

/// Of a hundred writes, so many fail at first, half of them after all was kept.
const FAILS: usize = 30;
/// So often it fails at the most.
const FAILURES: u32 = 40;

/// A sink outside of all processes. Declare it with the app, and tell the world
/// of it: then what is for it must come to it.
#[derive(Clone, Debug)]
pub struct Shelf(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    dice: Dice,
    fails_left: u32,
    is_down: bool,
    documents: Vec<(MessageId, Bytes)>,
}

impl Shelf {
    /// One that fails by this seed.
    #[must_use]
    pub fn failing(seed: u64) -> Self {
        Self::new(seed, FAILURES)
    }

    /// One that fails only where it is [down](Self::set_down).
    #[must_use]
    pub fn sound() -> Self {
        Self::new(0, 0)
    }

    fn new(seed: u64, fails_left: u32) -> Self {
        let dice = Dice::new(seed ^ 0x5e1f);
        Self(Arc::new(Mutex::new(Kept { dice, fails_left, is_down: false, documents: Vec::new() })))
    }

    /// Whether it takes nothing for now.
    pub fn set_down(&self, is_down: bool) {
        self.0.lock().is_down = is_down;
    }

    /// What was written, in order; what came twice is there twice.
    #[must_use]
    pub fn kept(&self) -> Vec<(MessageId, Bytes)> {
        self.0.lock().documents.clone()
    }
}

impl Kept {
    /// Whether this write fails, and if so, whether it is done nevertheless.
    fn fails(&mut self) -> (bool, bool) {
        let fails = self.fails_left > 0 && self.dice.percent(FAILS);
        self.fails_left -= u32::from(fails);
        (self.is_down || fails, !self.is_down && self.dice.percent(50))
    }
}

impl Sink for Shelf {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let pause = Duration::from_millis(self.0.lock().dice.below(500) as u64);
            tokio::time::sleep(pause).await;
            let mut kept = self.0.lock();
            let (fails, is_done) = kept.fails();
            if !fails || is_done {
                let written = batch.iter().map(|document| (document.id, document.body.clone()));
                kept.documents.extend(written);
            }
            match fails {
                true => Err(Error::new(ErrorKind::Unreachable, "write", "the shelf is not there")),
                false => Ok(()),
            }
        })
    }
}
