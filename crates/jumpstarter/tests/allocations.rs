//! What messages cost in allocations: none for a tell, one for an ask.
//!
//! A binary of its own, as it counts in the global allocator.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::alloc::{GlobalAlloc, Layout, System as Underlying};
use std::cell::Cell;

use jumpstarter::{Address, Options, Reply, System, actor};
use tokio::runtime::Builder;
use tokio::task::yield_now;

const MESSAGES: u64 = 10_000;
/// Tells after which the actor catches up, so that nobody waits for room.
const BURST: u64 = 200;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread that ends has nothing left to count with.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: everything is handed on to the system's allocator as it came; counting
// does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is handed on.
        unsafe { Underlying.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { Underlying.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is handed on.
        unsafe { Underlying.realloc(place, layout, size) }
    }
}

struct Counter(u64);
struct Add(u64);
struct Get;
struct GetLater;

#[actor]
impl Counter {
    #[handler]
    fn add(&mut self, message: Add) {
        self.0 += message.0;
    }

    #[handler]
    async fn get(&mut self, _message: Get) -> u64 {
        yield_now().await;
        self.0
    }

    #[handler]
    fn get_later(&mut self, _message: GetLater, reply: Reply<u64>) {
        reply.send(self.0);
    }
}

/// Does the same twice on one thread, and gives the allocations of the second
/// time: the first one makes the room that is used again and again.
fn allocations_of<F>(options: Options, work: impl Fn(Address<Counter>) -> F) -> u64
where
    F: Future<Output = ()>,
{
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let system = System::new("test");
        let counter = system.spawn("counter", options, || Counter(0));
        work(counter.clone()).await;
        let before = ALLOCATIONS.get();
        work(counter).await;
        ALLOCATIONS.get() - before
    })
}

/// The actor lets others go on after some of the messages of a burst.
async fn let_it_work() {
    for _ in 0..10 {
        yield_now().await;
    }
}

async fn tell(counter: Address<Counter>) {
    for n in 1..=MESSAGES {
        counter.tell(Add(1)).await.unwrap();
        if n % BURST == 0 {
            let_it_work().await;
        }
    }
}

#[test]
fn a_tell_allocates_nothing() {
    assert_eq!(allocations_of(Options::default(), tell), 0);
    assert_eq!(allocations_of(Options::default().unbounded(), tell), 0);
}

#[test]
fn a_tell_through_a_recipient_allocates_nothing() {
    let tell = |counter: Address<Counter>| async move {
        // Making the recipient clones an address.
        let recipient = counter.recipient::<Add>();
        for n in 1..=MESSAGES {
            recipient.tell(Add(1)).await.unwrap();
            if n % BURST == 0 {
                let_it_work().await;
            }
        }
    };
    assert_eq!(allocations_of(Options::default(), tell), 0);
}

#[test]
fn an_ask_allocates_once() {
    let ask = |counter: Address<Counter>| async move {
        for _ in 0..MESSAGES {
            counter.ask(Get).await.unwrap();
        }
    };
    assert_eq!(allocations_of(Options::default(), ask), MESSAGES);
    let ask_later = |counter: Address<Counter>| async move {
        for _ in 0..MESSAGES {
            counter.ask(GetLater).await.unwrap();
        }
    };
    assert_eq!(allocations_of(Options::default(), ask_later), MESSAGES);
}

#[test]
fn the_counter_counts() {
    let allocate = |_: Address<Counter>| async { drop(std::hint::black_box(Box::new(7))) };
    assert_eq!(allocations_of(Options::default(), allocate), 1);
}
