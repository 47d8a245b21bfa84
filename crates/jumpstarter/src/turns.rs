//! The tasks that take turns with the messages on the actor itself: which one
//! is due, and the timer until the next.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::core::Core;
use crate::error::{Cause, Crash};
use crate::event::Event;
use crate::jitter::Jitter;
use crate::lifecycle::task::{self, State as TaskState, Trigger};
use crate::task::{Flow, Next, Rhythm, TaskSpec};

pub(crate) struct Turns {
    entries: Vec<Entry>,
    /// What is left of the round: positions in the list of entries, and tasks.
    round: VecDeque<(usize, usize)>,
    timer: Option<Pin<Box<Sleep>>>,
    jitter: Jitter,
}

struct Entry {
    task: usize,
    rhythm: Rhythm,
    due: Instant,
    /// Takes no more turns.
    done: bool,
}

impl Turns {
    /// The turns of those specs that are not concurrent.
    pub(crate) fn new(core: &Core, specs: &'static [TaskSpec]) -> Self {
        let mut jitter = Jitter::default();
        let mut entries = Vec::new();
        for (task, spec) in specs.iter().enumerate().filter(|(_, spec)| !spec.concurrent) {
            match Rhythm::begin(spec, Instant::now(), jitter.next()) {
                Some((rhythm, due)) => entries.push(Entry { task, rhythm, due, done: false }),
                None => set_state(core, task, TaskState::Succeeded),
            }
        }
        Turns { entries, round: VecDeque::new(), timer: None, jitter }
    }

    /// Begins a round of the tasks that are due, unless one is under way.
    pub(crate) fn begin_round(&mut self) {
        if !self.round.is_empty() {
            return;
        }
        self.entries.retain(|entry| !entry.done);
        if self.entries.is_empty() {
            return;
        }
        let now = Instant::now();
        let due = self.entries.iter().enumerate().filter(|(_, entry)| entry.is_due(now));
        self.round.extend(due.map(|(position, entry)| (position, entry.task)));
    }

    /// The next of the round: its position, which is valid until the next round,
    /// and the task.
    pub(crate) fn next_of_round(&mut self) -> Option<(usize, usize)> {
        self.round.pop_front()
    }

    /// Takes note of what a turn said.
    pub(crate) fn record(
        &mut self,
        core: &Core,
        position: usize,
        began: Instant,
        flow: Flow,
    ) -> Result<(), Crash> {
        let Some(entry) = self.entries.get_mut(position) else {
            return Ok(());
        };
        match entry.rhythm.after(began, Instant::now(), flow, self.jitter.next()) {
            Next::Turn { at, state } => {
                entry.due = at;
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
        let open = self.entries.iter().filter(|entry| !entry.done);
        let Some(next) = open.map(|entry| entry.due).min() else {
            return Poll::Pending;
        };
        if next <= Instant::now() {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
        if timer.deadline() != next {
            timer.as_mut().reset(next);
        }
        timer.as_mut().poll(cx)
    }
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        !self.done && self.due <= now
    }
}

/// Moves the region of a task to `state`, if its chart leads there.
pub(crate) fn set_state(core: &Core, task: usize, state: TaskState) {
    core.with_cold(|cold| {
        if let Some((name, at)) = cold.task_states.get_mut(task)
            && *at != state
        {
            let way = Trigger::ALL.iter().find(|it| task::next(*at, **it) == Ok(state));
            match way {
                Some(_) => {
                    let from = std::mem::replace(at, state);
                    core.system.bus().publish(|| Event::TaskChanged {
                        path: core.path.to_string(),
                        task: name,
                        from,
                        to: state,
                    });
                }
                None => tracing::warn!(path = %core.path, task = name, from = %at, to = %state,
                    "the chart of a task does not lead there"),
            }
        }
    });
}
