//! The tasks that take turns with the messages on the actor itself: which one
//! is due, and the timer until the next.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::core::Core;
use crate::error::{Cause, Crash};
use crate::jitter::Jitter;
use crate::lifecycle::task::{self, State as TaskState, Trigger};
use crate::task::{Flow, Next, TaskSpec, next_turn};

pub(crate) struct Turns {
    specs: &'static [TaskSpec],
    entries: Vec<Entry>,
    timer: Option<Pin<Box<Sleep>>>,
    jitter: Jitter,
}

struct Entry {
    task: usize,
    /// `None`: at once.
    due: Option<Instant>,
    failures: u32,
    /// Takes no more turns.
    done: bool,
}

impl Turns {
    /// The turns of those specs that are not concurrent. Periodic tasks take
    /// their first turn after the first period.
    pub(crate) fn new(specs: &'static [TaskSpec]) -> Self {
        let mut jitter = Jitter::default();
        let on_actor = specs.iter().enumerate().filter(|(_, spec)| !spec.concurrent);
        let entries: Vec<Entry> = on_actor
            .map(|(task, spec)| {
                let first = spec.every.map(|period| period + spec.jitter.mul_f64(jitter.next()));
                Entry {
                    task,
                    due: first.map(|after| Instant::now() + after),
                    failures: 0,
                    done: false,
                }
            })
            .collect();
        Turns { specs, entries, timer: None, jitter }
    }

    /// Positions are valid until this is called.
    pub(crate) fn forget_done(&mut self) {
        self.entries.retain(|entry| !entry.done);
    }

    /// The tasks that are due, as positions in the list of entries.
    pub(crate) fn due(&self) -> Vec<(usize, usize)> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        let due = self.entries.iter().enumerate().filter(|(_, entry)| entry.is_due(now));
        due.map(|(position, entry)| (position, entry.task)).collect()
    }

    /// Takes note of what a turn said.
    pub(crate) fn record(&mut self, core: &Core, position: usize, flow: Flow) -> Result<(), Crash> {
        let Some(entry) = self.entries.get_mut(position) else {
            return Ok(());
        };
        let spec = &self.specs[entry.task];
        match next_turn(spec, &mut entry.failures, flow, self.jitter.next()) {
            Next::Turn { after, state } => {
                entry.due = next_due(entry.due, after, state);
                set_state(core, entry.task, state);
                Ok(())
            }
            Next::Done => {
                set_state(core, entry.task, TaskState::Succeeded);
                entry.done = true;
                Ok(())
            }
            Next::GiveUp(error) => {
                set_state(core, entry.task, TaskState::Failed);
                entry.done = true;
                Err(Crash::new(Cause::Error, error))
            }
        }
    }

    /// Ready when a task is due.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.entries.is_empty() {
            return Poll::Pending;
        }
        let now = Instant::now();
        if self.entries.iter().any(|entry| entry.is_due(now)) {
            return Poll::Ready(());
        }
        let Some(next) =
            self.entries.iter().filter(|entry| !entry.done).filter_map(|entry| entry.due).min()
        else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
        if timer.deadline() != next {
            timer.as_mut().reset(next);
        }
        timer.as_mut().poll(cx)
    }
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        !self.done && self.due.is_none_or(|due| due <= now)
    }
}

/// A period is counted from the last due time, so that the length of the turns
/// does not add up; turns that were missed are left out.
fn next_due(last: Option<Instant>, after: Duration, state: TaskState) -> Option<Instant> {
    if after.is_zero() {
        return None;
    }
    let now = Instant::now();
    let in_period = last.filter(|_| state == TaskState::Running).map(|due| due + after);
    Some(in_period.filter(|due| *due > now).unwrap_or(now + after))
}

/// Moves the region of a task to `state`, if its chart leads there.
pub(crate) fn set_state(core: &Core, task: usize, state: TaskState) {
    core.with_cold(|cold| {
        if let Some((name, at)) = cold.task_states.get_mut(task)
            && *at != state
        {
            let way = Trigger::ALL.iter().find(|it| task::next(*at, **it) == Ok(state));
            match way {
                Some(_) => *at = state,
                None => tracing::warn!(path = %core.path, task = name, from = %at, to = %state,
                    "the chart of a task does not lead there"),
            }
        }
    });
}
