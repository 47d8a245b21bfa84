//! The process's signals: the first one begins the shutdown, the second one ends
//! it at once.

use std::io;
use std::time::Duration;

use crate::shutdown::ShutdownReport;
use crate::system::System;

/// The process's signals cannot be listened to.
#[derive(Debug, thiserror::Error)]
#[error("listen for signals that end the process")]
pub struct SignalError(#[from] io::Error);

impl System {
    /// Waits for a signal that ends the process, then [shuts down](Self::shutdown)
    /// with this limit. A second signal ends the shutdown: who has not stopped by
    /// then is killed, as if the limit had passed.
    ///
    /// Signals are SIGINT and SIGTERM; where there are none, Ctrl-C. From the
    /// first poll on they no longer end the process by themselves, as long as it
    /// lives.
    ///
    /// # Errors
    ///
    /// The signals cannot be listened to; nothing is shut down.
    ///
    /// # Cancel safety
    ///
    /// Dropped before a signal, nothing happens, and signals are ignored from
    /// then on; after that, as [`shutdown`](Self::shutdown).
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use jumpstarter::System;
    /// use std::time::Duration;
    ///
    /// let system = System::new("service");
    /// // … spawn actors …
    /// let report = system.run_until_signal(Duration::from_secs(30)).await?;
    /// assert!(report.is_clean(), "{report:?}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run_until_signal(&self, limit: Duration) -> Result<ShutdownReport, SignalError> {
        let mut signals = Signals::listen()?;
        signals.next().await?;
        let second = async {
            if signals.next().await.is_err() {
                // Then the limit has to do.
                std::future::pending::<()>().await;
            }
        };
        Ok(self.shut_down(limit, second).await)
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> io::Result<()> {
        let (interrupt, terminate) = (self.interrupt.recv(), self.terminate.recv());
        let (interrupt, terminate) = (std::pin::pin!(interrupt), std::pin::pin!(terminate));
        futures_util::future::select(interrupt, terminate).await;
        Ok(())
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) -> io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}
