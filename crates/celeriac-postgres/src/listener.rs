//! The actor that hears what other processes tell: one connection with
//! `LISTEN`, made anew whenever it breaks.

use std::sync::Arc;
use std::time::Duration;

use jumpstarter::{Context, Flow, actor};
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::client::Client;
use crate::config::Config;
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
    pool: PgPool,
    listener: Option<PgListener>,
}

/// The pool of the one connection.
pub(crate) fn pool(config: &Config) -> PgPool {
    PgPoolOptions::new().max_connections(1).connect_lazy_with(config.connect.clone())
}

#[actor]
impl Listener {
    pub(crate) fn new(
        client: Arc<Client>,
        signals: Arc<Signals>,
        origin: u32,
        pool: PgPool,
    ) -> Self {
        Self { client, signals, origin, pool, listener: None }
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
                let mut listener = PgListener::connect_with(&self.pool).await?;
                listener.eager_reconnect(false);
                listener.listen(&self.client.schema).await?;
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

    #[stopped]
    fn leave(&mut self) {
        self.listener = None;
    }
}
