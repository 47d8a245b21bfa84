//! The app: what sends, runs and looks after tasks.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use celeriac_core::broker::QueueStats;
use celeriac_core::health::{Board, Guarded};
use celeriac_core::{Address, Broker, Capability, MessageId, QueueName, Store, Timestamp};
use celeriac_engine::Subscriptions;
use celeriac_router::{Connections, Fuse, SinkOf, SourceOf};
use celeriac_worker::States;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::config::Config;
use crate::connect::{self, Connection, Error};
use crate::event::{Event, Subscriber};
use crate::health::HealthCheck;
use crate::result::AsyncResult;
use crate::task::{Registered, Task};

/// How long a shutdown waits for actors to stop.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// An application: its tasks, and the broker and store that it uses. Cheap to
/// clone; all clones are the same app.
///
/// It connects when it is used for the first time, inside a tokio runtime.
///
/// ```
/// # use celeriac::App;
/// #[celeriac::task]
/// fn double(n: u32) -> u32 { n * 2 }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::memory().register(double);
/// let worker = app.start_worker().await?;
/// assert_eq!(app.send(double::s(21)).await?.get().await?, 42);
/// worker.stop().await;
/// app.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    registry: Mutex<Registry>,
    connection: OnceCell<Connection>,
    /// Where the parts of this process show how they are.
    board: Board,
    /// The circuits of services, and those of the connections.
    fuses: Mutex<BTreeMap<String, Fuse>>,
    connections: OnceLock<Connections>,
}

/// What was registered with an app.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    pub(crate) tasks: Vec<Registered>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) states: States,
    pub(crate) sinks: Vec<SinkOf>,
    pub(crate) sources: Vec<SourceOf>,
    pub(crate) checks: Vec<HealthCheck>,
}

impl App {
    /// An app in memory: nothing survives the process.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Config { broker: Address::from("memory://"), ..Config::default() })
    }

    /// An app in a directory, which is created when it is used: everything
    /// that was acknowledged survives the process and the machine.
    ///
    /// # Errors
    /// [`Error::Address`] for an empty path. Whether the directory can be used
    /// shows when the app is used for the first time.
    pub fn embedded(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::connect(&path.as_ref().to_string_lossy())
    }

    /// An app at an address: `memory://`, `file:///directory`, a path, or a
    /// server such as `redis://host`, if the feature of its driver is enabled.
    /// State lives there too; [`Self::connect_with_store`] keeps it elsewhere.
    ///
    /// # Errors
    /// [`Error::Address`] for an address that no driver of this build reads,
    /// [`Error::NoStore`] for that of a broker that keeps no state.
    pub fn connect(broker: &str) -> Result<Self, Error> {
        Self::from_config(Config { broker: Address::from(broker), ..Config::default() })
    }

    /// An app whose messages wait at one address, and whose state lives at
    /// another.
    ///
    /// ```
    /// # fn main() -> Result<(), celeriac::Error> {
    /// let app = celeriac::App::connect_with_store("memory://", "./state")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Address`] for an address that no driver of this build reads.
    pub fn connect_with_store(broker: &str, store: &str) -> Result<Self, Error> {
        let (broker, store) = (Address::from(broker), Some(Address::from(store)));
        Self::from_config(Config { broker, store, ..Config::default() })
    }

    /// An app as its configuration says.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn from_config(config: Config) -> Result<Self, Error> {
        connect::check(&config)?;
        Ok(Self::new(config))
    }

    fn new(config: Config) -> Self {
        let (registry, connection) = (Mutex::default(), OnceCell::new());
        let (board, fuses, connections) = Default::default();
        let inner = Inner { config, registry, connection, board, fuses, connections };
        Self { inner: Arc::new(inner) }
    }

    /// The same tasks, subscriptions and states with another configuration,
    /// not connected yet.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn with_config(&self, config: Config) -> Result<Self, Error> {
        let app = Self::from_config(config)?;
        *app.inner.registry.lock() = self.registry();
        Ok(app)
    }

    /// The same tasks, subscriptions, states and configuration over a broker and
    /// a store of the caller's: a driver of one's own, another app's
    /// ([`Self::drivers`]), or those of a simulation. `config().broker` says
    /// nothing then, nor does `config().security`: a broker that is to be
    /// guarded is given within a [`Guard`](crate::security::Guard).
    ///
    /// # Panics
    /// Outside of a tokio runtime: the publisher is started at once.
    #[must_use]
    pub fn with_drivers(&self, broker: Arc<dyn Broker>, store: Arc<dyn Store>) -> Self {
        let app = Self::new(self.inner.config.clone());
        *app.inner.registry.lock() = self.registry();
        let system = jumpstarter::System::new("celeriac");
        let board = app.inner.board.clone();
        let connection = Connection::over(&app.inner.config, system, (broker, store), board);
        // It is new: nothing was there before.
        let _ = app.inner.connection.set(connection);
        app
    }

    /// The broker and the store that the app uses.
    ///
    /// # Errors
    /// [`Error::Driver`] when they can't be opened.
    pub async fn drivers(&self) -> Result<(Arc<dyn Broker>, Arc<dyn Store>), Error> {
        let connection = self.connection().await?;
        Ok((connection.broker.clone(), connection.store.clone()))
    }

    /// Registers a task by the name of its function, so that workers started
    /// later can run it. One of the same name is replaced.
    #[must_use]
    pub fn register<T: Task>(self, _task: impl FnOnce() -> T) -> Self {
        let registered = Registered::new::<T>();
        let mut registry = self.inner.registry.lock();
        registry.tasks.retain(|other| other.name != registered.name);
        registry.tasks.push(registered);
        drop(registry);
        self
    }

    /// Subscribes a task to an event, for workers started later.
    ///
    /// ```
    /// # use celeriac::App;
    /// #[celeriac::event]
    /// struct UserRegistered { email: String }
    ///
    /// #[celeriac::task]
    /// async fn welcome(email: String) {}
    ///
    /// let app = App::memory()
    ///     .register(welcome)
    ///     .subscribe(welcome::from_event(|event: UserRegistered| (event.email,)));
    /// ```
    #[must_use]
    pub fn subscribe<E: Event>(self, subscriber: Subscriber<E>) -> Self {
        let event = celeriac_core::Name::from_static(E::NAME);
        self.inner.registry.lock().subscriptions.add(event, subscriber.into_subscription());
        self
    }

    /// Provides a value to tasks that ask for a [`State`](crate::State) of its
    /// type, for workers started later.
    #[must_use]
    pub fn provide<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.inner.registry.lock().states.insert(Arc::new(value));
        self
    }

    /// How the app is configured.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Changes what is registered.
    pub(crate) fn registered(self, change: impl FnOnce(&mut Registry)) -> Self {
        change(&mut self.inner.registry.lock());
        self
    }

    /// The circuit of the service of that name.
    pub(crate) fn fuse(&self, name: &str) -> Fuse {
        let Inner { config, board, fuses, .. } = &*self.inner;
        let options = config.breakers.options();
        let make = || Fuse::new(Guarded::Service, name, options, board.clone());
        fuses.lock().entry(name.to_owned()).or_insert_with(make).clone()
    }

    /// The circuits of the connections: shown from the first worker on.
    pub(crate) fn connections(&self) -> &Connections {
        let Inner { config, board, connections, .. } = &*self.inner;
        let make = || Connections::new(&config.breakers.of_connections(), board);
        connections.get_or_init(make)
    }

    pub(crate) fn registry(&self) -> Registry {
        self.inner.registry.lock().clone()
    }

    pub(crate) async fn connection(&self) -> Result<&Connection, Error> {
        let inner = &self.inner;
        let open = || Connection::open(&inner.config, inner.board.clone());
        inner.connection.get_or_try_init(open).await
    }

    /// Connects now, rather than when the app is used for the first time.
    ///
    /// # Errors
    /// [`Error::Driver`] when broker or store can't be opened.
    pub async fn open(&self) -> Result<(), Error> {
        self.connection().await.map(drop)
    }

    /// The actors that the app consists of, to be watched: their states, events
    /// and counters. What a program does to them is its own risk.
    ///
    /// # Errors
    /// [`Error::Driver`] when broker or store can't be opened.
    pub async fn system(&self) -> Result<jumpstarter::System, Error> {
        Ok(self.connection().await?.system.clone())
    }

    /// The handle of a task that was sent before, here or elsewhere.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store can't be opened.
    pub async fn result<T: DeserializeOwned>(
        &self,
        id: MessageId,
    ) -> Result<AsyncResult<T>, Error> {
        Ok(self.connection().await?.result(id))
    }

    /// Revokes tasks, durably: no worker runs them, what runs is cancelled.
    /// Their state becomes `REVOKED`, unless they have ended already.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn revoke(&self, ids: &[MessageId]) -> Result<(), Error> {
        let store = &self.connection().await?.store;
        let until = Timestamp::now().after(self.config().tasks.revoke_ttl);
        crate::result::revoke(&**store, ids, until).await
    }

    /// Every queue that holds messages.
    ///
    /// # Errors
    /// [`Error::Driver`] when the broker fails.
    pub async fn queues(&self) -> Result<Vec<QueueStats>, Error> {
        Ok(self.connection().await?.broker.queues().await?)
    }

    /// Discards what waits in a queue; says how many messages that were.
    ///
    /// # Errors
    /// [`Error::Driver`] when the broker fails.
    pub async fn purge(&self, queue: &QueueName) -> Result<u64, Error> {
        Ok(self.connection().await?.broker.purge(queue).await?)
    }

    /// How many messages wait for their time: countdowns, ETAs, retries.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn scheduled(&self) -> Result<u64, Error> {
        Ok(self.connection().await?.store.scheduled().await?)
    }

    /// What the broker can do beyond its duty.
    ///
    /// # Errors
    /// [`Error::Driver`] when the broker can't be opened.
    pub async fn capability(&self) -> Result<Capability, Error> {
        Ok(self.connection().await?.broker.capability())
    }

    /// Publishes what was accepted, then closes. Stop workers first.
    pub async fn shutdown(&self) {
        let Some(connection) = self.inner.connection.get() else { return };
        connection.publisher.stop().await;
        connection.broker.close().await;
        let report = connection.system.shutdown(SHUTDOWN).await;
        tracing::debug!(?report, "shut down");
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("broker", &self.inner.config.broker).finish_non_exhaustive()
    }
}
