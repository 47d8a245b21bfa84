//! The actor that hears what other processes tell: one connection with
//! `LISTEN`, made anew whenever it breaks.

use std::sync::Arc;
use std::time::Duration;

use jumpstarter::{Context, Flow, actor};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::client::Client;
use crate::signals::{Signal, Signals};

/// How long a failure is waited out.
const PAUSE: Duration = Duration::from_millis(500);
/// A connection that is silent for so long is tried.
const SILENCE: Duration = Duration::from_secs(15);
/// How long the trial may take.
const TRIAL: Duration = Duration::from_secs(5);

/// Hears other processes.
pub(crate) struct Listener {
    client: Arc<Client>,
    signals: Arc<Signals>,
    origin: u32,
    connect: PgConnectOptions,
    listener: Option<PgListener>,
}

#[actor]
impl Listener {
    pub(crate) fn new(
        client: Arc<Client>,
        signals: Arc<Signals>,
        origin: u32,
        connect: PgConnectOptions,
    ) -> Self {
        Self { client, signals, origin, connect, listener: None }
    }

    /// Listens; without a connection, makes one.
    #[task]
    async fn listen(&mut self, ctx: &mut Context<Self>) -> Flow {
        match self.turn().await {
            Ok(()) => {
                // Refused where nothing was wrong.
                let _ = ctx.recover();
                Flow::Continue
            }
            Err(_) if self.client.is_closed() => Flow::Success,
            Err(error) => {
                let place = &self.client.place;
                tracing::warn!(%error, %place, "other processes can't be heard; tried again");
                self.listener = None;
                // Refused where it was reported before.
                let _ = ctx.report_warning();
                Flow::Retry { after: PAUSE }
            }
        }
    }

    async fn turn(&mut self) -> sqlx::Result<()> {
        let listener = match &mut self.listener {
            Some(listener) => listener,
            None => {
                let connected = tokio::time::timeout(TRIAL, self.connect()).await;
                let listener = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
                // What was said before is to be found in the tables.
                self.signals.wake_all();
                self.listener.insert(listener)
            }
        };
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                match Signal::parse(notification.payload()) {
                    Some((origin, _)) if origin == self.origin => {}
                    Some((_, signal)) => self.signals.wake(&signal),
                    None => tracing::debug!("a notification of another version"),
                }
                Ok(())
            }
            Ok(Ok(None)) => Err(sqlx::Error::WorkerCrashed),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let trial = sqlx::query("SELECT 1").execute(&mut *listener);
                match tokio::time::timeout(TRIAL, trial).await {
                    Ok(answer) => answer.map(drop),
                    Err(_) => Err(sqlx::Error::PoolTimedOut),
                }
            }
        }
    }

    /// A connection, in a pool of its own: a listener that is dropped says
    /// goodbye first, for which one whose other end is gone waits without end.
    async fn connect(&self) -> sqlx::Result<PgListener> {
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect_lazy_with(self.connect.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(&self.client.schema).await?;
        Ok(listener)
    }

    #[stopped]
    fn leave(&mut self) {
        self.listener = None;
    }
}
