//! The system: where actors are spawned, found, watched and counted.
//!
//! Its end is in [`crate::shutdown`], its picture in [`crate::snapshot`].

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::Semaphore;

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::{AnyCell, Cell};
use crate::core::{Core, Kind};
use crate::dependency::{Inject, Injector};
use crate::error::{BlockingError, BoxError, Cause, Crash, Panicked, StartFailure};
use crate::event::{EventBus, Events};
use crate::lifecycle::Trigger;
use crate::mailbox::Mailbox;
use crate::nursery::{Nursery, Nursling};
use crate::options::Options;
use crate::path::Path;
use crate::registry::Registry;
use crate::runner::Runner;
use crate::runtime::{Lost, Runtime};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::wind_down::drop_quietly;

/// How many closures, blocking turns and sync resources of a system run on the blocking
/// pool at a time; others wait for their turn.
pub const BLOCKING_POOL: usize = 64;

/// A tree of actors in a tokio runtime. Cheap to clone.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use jumpstarter::{Options, System, actor};
/// use std::time::Duration;
///
/// struct Counter(u64);
/// struct Add(u64);
/// struct Get;
///
/// #[actor]
/// impl Counter {
///     #[handler]
///     fn add(&mut self, message: Add) {
///         self.0 += message.0;
///     }
///
///     #[handler]
///     fn get(&mut self, _message: Get) -> u64 {
///         self.0
///     }
/// }
///
/// let system = System::new("example");
/// let counter = system.spawn("counter", Options::default(), || Counter(0));
/// counter.tell(Add(7)).await.unwrap();
/// assert_eq!(counter.ask(Get).await, Ok(7));
/// let report = system.shutdown(Duration::from_secs(1)).await;
/// assert!(report.is_clean());
/// # });
/// ```
#[derive(Clone)]
pub struct System {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    runtime: Runtime,
    nursery: Nursery,
    next_id: AtomicU64,
    registry: Registry,
    events: EventBus,
    dead_letters: AtomicU64,
    task_panics: AtomicU64,
    abandoned_turns: AtomicU64,
    not_released: AtomicU64,
    closing: AtomicBool,
    pool: Semaphore,
    arguments: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    injected: Mutex<HashMap<TypeId, Arc<dyn AnyCell>>>,
    graph: Mutex<()>,
}

impl System {
    /// A system in the tokio runtime of the caller.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(name: impl Into<String>) -> Self {
        let runtime = Runtime::current();
        let inner = |system: &Weak<Inner>| Inner {
            name: name.into(),
            runtime: runtime.clone(),
            nursery: Nursery::new(runtime, drops_those_who_doze(system.clone())),
            next_id: AtomicU64::new(0),
            registry: Registry::default(),
            events: EventBus::default(),
            dead_letters: AtomicU64::new(0),
            task_panics: AtomicU64::new(0),
            abandoned_turns: AtomicU64::new(0),
            not_released: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            pool: Semaphore::new(BLOCKING_POOL),
            arguments: Mutex::default(),
            injected: Mutex::default(),
            graph: Mutex::default(),
        };
        System { inner: Arc::new_cyclic(inner) }
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Starts an actor at the root of the tree.
    ///
    /// Returns at once: the start happens in a task of the runtime (or a thread of its
    /// own); [`Address::started`] awaits it. `factory` makes the actor's value there,
    /// again for each restart; where that is all there is to the start, whoever awaits the
    /// start or the end may be the one that calls it, so it should not block. An actor
    /// whose start awaits nothing has no tokio task of its own until the first message, or
    /// another request, reaches it. Names should be unique among siblings, but nothing
    /// depends on it. During a shutdown the actor is refused: its address is closed from
    /// the beginning.
    pub fn spawn<A, F>(&self, name: &str, options: Options, mut factory: F) -> Address<A>
    where
        A: Actor,
        F: FnMut() -> A + Send + 'static,
    {
        self.launch(None, name, options, move || Ok(factory()))
    }

    /// The running actor at that path, if it is of that type.
    pub fn find<A: Actor>(&self, path: &str) -> Option<Address<A>> {
        self.find_cell(path)?.into_any().downcast::<Cell<A>>().ok().map(Address::new)
    }

    /// Any running actor of that type.
    pub fn find_type<A: Actor>(&self) -> Option<Address<A>> {
        let type_name = std::any::type_name::<A>();
        let candidates = self
            .inner
            .registry
            .all()
            .into_iter()
            .filter(|cell| cell.core().type_name() == type_name);
        candidates
            .filter_map(|cell| cell.into_any().downcast::<Cell<A>>().ok())
            .next()
            .map(Address::new)
    }

    /// Gives the injector a value, found by its type.
    pub fn provide<T: Send + Sync + 'static>(&self, value: T) {
        self.inner.arguments.lock().insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// A value that was given to [`provide`](Self::provide).
    pub fn argument<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.inner.arguments.lock().get(&TypeId::of::<T>()).cloned()?;
        value.downcast().ok()
    }

    /// Listens to what happens from now on.
    pub fn events(&self) -> Events {
        self.inner.events.subscribe()
    }

    /// Messages that reached nobody, so far.
    pub fn dead_letters(&self) -> u64 {
        self.inner.dead_letters.load(Ordering::Relaxed)
    }

    /// Spawned futures that panicked, so far.
    pub fn task_panics(&self) -> u64 {
        self.inner.task_panics.load(Ordering::Relaxed)
    }

    /// Turns of blocking tasks that did not end within the grace of their actor,
    /// so far. They occupy a thread until they do.
    pub fn abandoned_turns(&self) -> u64 {
        self.inner.abandoned_turns.load(Ordering::Relaxed)
    }

    /// Resources whose `#[release]` did not end within its time, so far; see
    /// [`Event::NotReleased`](crate::Event::NotReleased).
    pub fn not_released(&self) -> u64 {
        self.inner.not_released.load(Ordering::Relaxed)
    }

    /// Whether a shutdown has begun.
    pub fn is_shutting_down(&self) -> bool {
        self.inner.closing.load(Ordering::Acquire)
    }

    /// Runs a closure that blocks, on the bounded pool.
    ///
    /// # Errors
    ///
    /// It panicked, or the runtime is shutting down.
    ///
    /// # Cancel safety
    ///
    /// Once it has begun, the closure runs to its end even if the future is
    /// dropped.
    pub async fn blocking<T, W>(&self, work: W) -> Result<T, BlockingError>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let permit = self.inner.pool.acquire().await.map_err(|_| BlockingError::ShutDown)?;
        let done = self.inner.runtime.spawn_blocking(work).await;
        drop(permit);
        done.map_err(|lost| match lost {
            Lost::Panicked(payload) => {
                BlockingError::Panicked(Panicked::from_payload(payload.as_ref()))
            }
            Lost::Dropped => BlockingError::ShutDown,
        })
    }
}

impl System {
    /// Makes the actor's cell, registers it, and lets its runner go.
    pub(crate) fn launch<A, F>(
        &self,
        parent: Option<Arc<dyn AnyCell>>,
        name: &str,
        options: Options,
        factory: F,
    ) -> Address<A>
    where
        A: Actor,
        F: FnMut() -> Result<A, BoxError> + Send + 'static,
    {
        let core = Core::new(self.clone(), Path::new(parent, name), Kind::of::<A>());
        let address =
            Address::new(Arc::new(Cell { core, mailbox: Mailbox::new(options.capacity) }));
        let cell = address.cell();
        cell.core.adopt(&options.manner.rules());
        let homeless = match cell.core.parent() {
            Some(parent) => parent.core().adopt_child(address.any_cell()),
            None => Some(address.any_cell()),
        };
        if let Some(cell) = homeless {
            self.inner.registry.add(cell);
        }
        self.inner.registry.announce();
        // After it was registered: either this sees the shutdown, or the
        // shutdown sees the actor.
        if self.is_shutting_down() {
            self.forget(&cell.core);
            refuse(cell, StartFailure::ShuttingDown);
            return address;
        }
        let runtime = &self.inner.runtime;
        let at_once = Runner::<A, F>::starts_at_once(&options.manner) && runtime.has_nursery();
        let runner = Box::new(Runner::new(Arc::clone(cell), factory, options.manner));
        if options.dedicated_thread {
            if let Err(error) = runtime.spawn_thread(&cell.core.path, runner.live()) {
                self.forget(&cell.core);
                refuse(cell, StartFailure::Thread(error));
            }
        } else if at_once {
            self.inner.nursery.take_in(runner);
        } else {
            runner.grow_up();
        }
        address
    }

    /// Takes an actor that has ended out of the tree.
    pub(crate) fn forget(&self, core: &Core) {
        let of_parent = core.parent().and_then(|parent| parent.core().let_go(core));
        // Its drop may run the code of others.
        drop(of_parent.or_else(|| self.inner.registry.take(core)));
    }

    /// Keeps those children of an actor that outlive it, as it was killed.
    pub(crate) fn keep_orphans(&self, core: &Core) {
        // Under the lock of the parent: a child that leaves meanwhile finds itself
        // here or there.
        core.peek_cold(|cold| {
            for child in cold.children.take_all() {
                self.inner.registry.add(child);
            }
        });
    }

    /// The one actor of that type; spawned if there is none that lives.
    pub(crate) fn injected<A: Inject>(&self) -> Address<A> {
        let mut injected = self.inner.injected.lock();
        let known = injected.get(&TypeId::of::<A>()).filter(|cell| !cell.core().is_finished());
        if let Some(cell) = known.and_then(|cell| Arc::clone(cell).into_any().downcast().ok()) {
            return Address::new(cell);
        }
        let own: Arc<OnceLock<Injector>> = Arc::default();
        let late = Arc::clone(&own);
        let factory = move || match late.get() {
            Some(injector) => A::inject(injector),
            None => Err("the injector is not there yet".into()),
        };
        let name = short_name(std::any::type_name::<A>());
        let address = self.launch(None, name, A::options(), factory);
        // Nobody else has the lock.
        let _ = own.set(Injector::new(address.any_cell()));
        injected.insert(TypeId::of::<A>(), address.any_cell());
        address
    }

    pub(crate) fn find_cell(&self, path: &str) -> Option<Arc<dyn AnyCell>> {
        self.inner.registry.find(path)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(crate) fn begin_shutdown(&self) {
        self.inner.closing.store(true, Ordering::Release);
    }

    pub(crate) fn nursery(&self) -> &Nursery {
        &self.inner.nursery
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.inner.runtime
    }

    pub(crate) fn graph(&self) -> &Mutex<()> {
        &self.inner.graph
    }

    pub(crate) fn bus(&self) -> &EventBus {
        &self.inner.events
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.inner.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn count_dead_letter(&self) {
        self.inner.dead_letters.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_abandoned_turn(&self) {
        self.inner.abandoned_turns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_not_released(&self) {
        self.inner.not_released.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_task_panic(&self) {
        self.inner.task_panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// With the runtime all lives end that are its tasks; so do those that are none.
fn drops_those_who_doze(system: Weak<Inner>) -> impl Fn() + Send + Sync {
    move || {
        let Some(inner) = system.upgrade() else { return };
        for cell in (System { inner }).registry().all() {
            drop_quietly(cell.core().take_dozing());
        }
    }
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("System").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

/// An actor that never lives.
fn refuse<A: Actor>(cell: &Cell<A>, failure: StartFailure) {
    cell.mailbox.close();
    cell.core.crash(Crash::new(Cause::Start, failure));
    // One with hooks never gets to them.
    let _ = cell.core.apply(Trigger::ReportError);
    cell.core.end();
}

fn short_name(type_name: &'static str) -> &'static str {
    let plain = type_name.split('<').next().unwrap_or(type_name);
    plain.rsplit("::").next().unwrap_or(plain)
}
