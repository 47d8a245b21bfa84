//! Connecting: the tables, the actors, and the one object that is broker and
//! store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::Capability;
use celeriac_core::error::Result;
use jumpstarter::{Address, Backoff, System};

use crate::broker::{Begins, Close, Desk, Estimates, Holdings};
use crate::client::Client;
use crate::keeper::{Keeper, reclaim};
use crate::listener::Listener;
use crate::notifier::Notifier;
use crate::schema;
use crate::signals::{Signal, Signals};
use crate::telling::Teller;
use crate::{Config, Options};

/// How long the server may take to be told of the end.
const GRACE: Duration = Duration::from_secs(10);
/// How long connections may take to be closed: whoever holds one may not be
/// polled any more.
const GOODBYE: Duration = Duration::from_secs(1);

/// Broker and store in a schema of a PostgreSQL database.
///
/// Dropped without `close`, it leaves what it holds to the end of its lease.
pub struct Postgres {
    pub(crate) client: Arc<Client>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) estimates: Estimates,
    pub(crate) options: Options,
    pub(crate) desk: Address<Desk>,
    pub(crate) begins: Address<Begins>,
    teller: Teller,
    keeper: Address<Keeper>,
    listener: Address<Listener>,
}

/// An actor that starts again however often it crashes.
fn tireless() -> jumpstarter::Options {
    let backoff = Backoff { first: Duration::from_millis(10), ..Backoff::default() };
    jumpstarter::Options::default().intensity(u32::MAX, Duration::from_secs(1)).backoff(backoff)
}

impl Postgres {
    pub(crate) const CAPABILITY: Capability = Capability::NONE
        .durable()
        .priorities()
        .deaths()
        .limits()
        .transient_queues()
        .shared()
        .leases();

    /// Connects, and makes the tables or brings them up to date. Messages that
    /// processes held which are gone are given back first.
    ///
    /// # Errors
    /// `Unreachable` if the server is; `Denied` if the user may not; `Config`
    /// if the database is not there, or a newer build made its tables.
    pub async fn connect(config: Config, options: Options, system: &System) -> Result<Arc<Self>> {
        let client = Arc::new(Client::new(&config));
        schema::migrate(&client).await?;
        // Not `NOBODY`, which is heard by all.
        let origin = rand::random::<u32>() | 1;
        let signals = Arc::new(Signals::default());
        let holdings = Arc::new(Holdings::default());
        let lease = config.lease;

        let clients = client.clone();
        let notifier = move || Notifier::new(clients.clone(), origin);
        let notifier = system.spawn("postgres-notifier", tireless(), notifier);
        let teller = Teller { signals: signals.clone(), notifier };
        let reclaimed = reclaim(&client, &teller, lease).await;
        reclaimed.map_err(|error| client.failed("open", error))?;

        let (clients, tellers, held) = (client.clone(), teller.clone(), holdings.clone());
        let desk = move || Desk::new(clients.clone(), tellers.clone(), held.clone(), lease);
        let desk = system.spawn("postgres-desk", tireless(), desk);
        let (clients, held) = (client.clone(), holdings.clone());
        let begins = move || Begins::new(clients.clone(), held.clone());
        let begins = system.spawn("postgres-begins", tireless().unbounded(), begins);
        let (clients, tellers) = (client.clone(), teller.clone());
        let keeper = move || Keeper::new(clients.clone(), tellers.clone(), lease);
        let keeper = system.spawn("postgres-keeper", tireless(), keeper);
        let (clients, heard, connect) = (client.clone(), signals.clone(), config.connect.clone());
        let listen = move || Listener::new(clients.clone(), heard.clone(), origin, connect.clone());
        let listener = system.spawn("postgres-listener", tireless(), listen);
        Ok(Arc::new(Self {
            client,
            signals,
            holdings,
            estimates: Estimates::default(),
            options,
            desk,
            begins,
            teller,
            keeper,
            listener,
        }))
    }

    pub(crate) fn tell(&self, signal: Signal) {
        self.teller.tell(signal);
    }

    /// Gives everything back, then closes every connection.
    pub(crate) async fn shut(&self) {
        self.client.shut();
        // One that has ended has nothing to give back.
        let _ = self.begins.stop().await;
        let _ = self.desk.ask_timeout(Close, GRACE).await;
        let _ = self.desk.stop_now().await;
        let _ = self.keeper.stop_now().await;
        let _ = self.listener.stop_now().await;
        let _ = self.teller.notifier.stop().await;
        let (strict, loose) = (self.client.strict.close(), self.client.loose.close());
        let goodbye = async { tokio::join!(strict, loose) };
        // Those that are left close with the last handle.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("place", &self.client.place).finish_non_exhaustive()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.client.shut();
        drop(self.begins.stop());
        drop(self.desk.stop_now());
        drop(self.keeper.stop_now());
        drop(self.listener.stop_now());
        drop(self.teller.notifier.stop());
    }
}
