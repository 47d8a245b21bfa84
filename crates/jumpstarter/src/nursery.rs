//! Where those actors are born that start without awaiting anything: by a few tasks of the
//! runtime, the nurses, instead of one each.
//!
//! Many actors are over as soon as they have started, and many others wait for messages
//! from then on. The former never need a task, which costs as much as all the rest of a
//! spawn; the latter get theirs when somebody [rouses](crate::core::Core::rouse) them.
//!
//! Who awaits the start or the end of one that came last and has only to be made makes it
//! instead of a nurse: it would have to wait for her, and she for a turn.
//!
//! As long as anyone waits here a nurse is on her way, who is not at work on another one.
//! So a start that blocks its thread holds up the thread and nobody else.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use crate::runtime::Runtime;
use crate::sync::{SpinMutex, per_thread};
use crate::wind_down::drop_quietly;

/// An actor without a task.
pub(crate) trait Nursling: Send {
    /// The number of one that runs no code in its start but that of its factory.
    fn plain(&self) -> Option<u64>;
    /// Starts it, and sees to what comes after that.
    fn begin(self: Box<Self>);
    /// Makes it a task of the runtime.
    fn grow_up(self: Box<Self>);
}

/// How many a nurse starts before others than nurses have their turn.
const BATCH: usize = 32;
/// One of so many is the first in line, and one the longest nested.
const FAIR: u32 = 16;
/// So many nurses stay when there is nothing to do; more are there only while the starts
/// of so many actors block their threads.
const STAY: u32 = 32;
/// Lists that grew beyond this are given back when they are empty.
const KEPT_ROOM: usize = 1024;

/// The model checker drops all in the middle of everything, with locks that are held.
const ENDS_ABRUPTLY: bool = cfg!(shuttle);

per_thread! {
    /// How many were spawned by the start that this thread works on.
    static SIBLINGS: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

pub(crate) struct Nursery {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Runtime,
    ward: SpinMutex<Ward>,
    /// The wakers of those who stay.
    nurses: [OnceLock<Waker>; STAY as usize],
    /// What else ends with the runtime.
    on_end: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Ward {
    /// Spawned by starts. The youngest family comes first, so that a tree is built branch
    /// by branch, and few wait at a time.
    nested: VecDeque<Box<dyn Nursling>>,
    /// Spawned by anyone else, in their order.
    line: VecDeque<Box<dyn Nursling>>,
    turn: u32,
    /// A nurse is on her way.
    called: bool,
    /// How many stay, and a bit for each that has nothing to do.
    staying: u32,
    idle: u32,
    closed: bool,
}

/// Whom to call.
enum Call {
    Nobody,
    Idle(u32),
    New,
}

impl Nursery {
    /// `on_end` is called when the runtime drops a nurse.
    pub(crate) fn new(runtime: Runtime, on_end: impl Fn() + Send + Sync + 'static) -> Self {
        let (ward, nurses) = (SpinMutex::default(), Default::default());
        let shared = Shared { runtime, ward, nurses, on_end: Box::new(on_end) };
        Nursery { shared: Arc::new(shared) }
    }

    /// Has the actor started, soon.
    pub(crate) fn take_in(&self, nursling: Box<dyn Nursling>) {
        let siblings = SIBLINGS.with(std::cell::Cell::get);
        let call = {
            let mut ward = self.shared.ward.lock();
            ward.add(nursling, siblings);
            ward.call()
        };
        if let Some(older) = siblings {
            SIBLINGS.with(|siblings| siblings.set(Some(older + 1)));
        }
        call.answer(&self.shared);
    }

    /// Starts the actor of this number here and now if it has only to be made, and was the
    /// last to come. Says whether it did.
    pub(crate) fn start_here(&self, id: u64) -> bool {
        // Code of the actor finds the runtime that it lives in.
        if !self.shared.runtime.is_here() {
            return false;
        }
        let nursling = self.shared.ward.lock().take_last(id);
        nursling.map(start).is_some()
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        if ENDS_ABRUPTLY {
            return;
        }
        self.shared.ward.lock().closed = true;
        for nurse in self.shared.nurses.iter().filter_map(OnceLock::get) {
            nurse.wake_by_ref();
        }
    }
}

impl Call {
    fn answer(self, shared: &Arc<Shared>) {
        match self {
            Call::Nobody => {}
            Call::Idle(place) => {
                if let Some(nurse) = shared.nurses.get(place as usize).and_then(OnceLock::get) {
                    nurse.wake_by_ref();
                }
            }
            Call::New => drop(shared.runtime.spawn(Nurse::new(Arc::clone(shared)))),
        }
    }
}

impl Ward {
    fn add(&mut self, nursling: Box<dyn Nursling>, siblings: Option<usize>) {
        match siblings {
            None => self.line.push_back(nursling),
            // After its elder siblings, unless some of them are not here any more.
            Some(older) => self.nested.insert(older.min(self.nested.len()), nursling),
        }
    }

    fn take_last(&mut self, id: u64) -> Option<Box<dyn Nursling>> {
        let last = self.line.back()?;
        if last.plain() == Some(id) { self.line.pop_back() } else { None }
    }

    fn next(&mut self) -> Option<Box<dyn Nursling>> {
        self.turn = self.turn.wrapping_add(1);
        let first = match self.turn % FAIR {
            0 => self.nested.pop_back(),
            1 => self.line.pop_front(),
            _ => None,
        };
        first.or_else(|| self.nested.pop_front()).or_else(|| self.line.pop_front())
    }

    /// Whom to call, if anyone waits and no nurse is on her way.
    fn call(&mut self) -> Call {
        if self.called || (self.nested.is_empty() && self.line.is_empty()) {
            return Call::Nobody;
        }
        self.called = true;
        let place = self.idle.trailing_zeros();
        if place == u32::BITS {
            return Call::New;
        }
        self.idle &= !(1 << place);
        Call::Idle(place)
    }

    /// A place for one who stays, if there is one left.
    fn place(&mut self) -> Option<u32> {
        let place = self.staying;
        if place == STAY || self.closed {
            return None;
        }
        self.staying += 1;
        Some(place)
    }

    fn give_back_room(&mut self) {
        for list in [&mut self.nested, &mut self.line] {
            if list.is_empty() && list.capacity() > KEPT_ROOM {
                *list = VecDeque::new();
            }
        }
    }
}

/// Starts actors. When there are none, she stays if there is a place for her.
struct Nurse {
    shared: Arc<Shared>,
    place: Option<u32>,
    leaves: bool,
}

impl Nurse {
    fn new(shared: Arc<Shared>) -> Self {
        Nurse { shared, place: None, leaves: false }
    }
}

impl Future for Nurse {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Nurse { shared, place, leaves } = self.get_mut();
        let mut arrives = true;
        let mut started = 0;
        loop {
            let mut ward = shared.ward.lock();
            ward.called &= !arrives;
            let next = if started < BATCH { ward.next() } else { None };
            let Some(next) = next else {
                // Who still waits has another one on her way.
                return shared.dismiss(&mut ward, place, cx.waker()).map(|()| *leaves = true);
            };
            let call = ward.call();
            drop(ward);
            // Before the start, which takes its time.
            call.answer(shared);
            start(next);
            arrives = false;
            started += 1;
        }
    }
}

impl Shared {
    /// A nurse has nothing to do: she stays, or leaves.
    fn dismiss(&self, ward: &mut Ward, place: &mut Option<u32>, nurse: &Waker) -> Poll<()> {
        ward.give_back_room();
        if place.is_none()
            && let Some(free) = ward.place()
            && let Some(waker) = self.nurses.get(free as usize)
        {
            let _ = waker.set(nurse.clone());
            *place = Some(free);
        }
        match *place {
            Some(place) if !ward.closed => {
                ward.idle |= 1 << place;
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

fn start(nursling: Box<dyn Nursling>) {
    let before = SIBLINGS.with(|siblings| siblings.replace(Some(0)));
    // Panics of the actor's own code are caught where it is called.
    if catch_unwind(AssertUnwindSafe(|| nursling.begin())).is_err() {
        tracing::error!("the start of an actor was left by a panic");
    }
    SIBLINGS.with(|siblings| siblings.set(before));
}

impl Drop for Nurse {
    /// Unless she leaves of herself, the runtime ends, and with it all that lives there.
    fn drop(&mut self) {
        if self.leaves || ENDS_ABRUPTLY {
            return;
        }
        let (nested, line) = {
            let mut ward = self.shared.ward.lock();
            ward.called = false;
            (std::mem::take(&mut ward.nested), std::mem::take(&mut ward.line))
        };
        nested.into_iter().chain(line).for_each(drop_quietly);
        (self.shared.on_end)();
    }
}
