//! The network between a process and the servers.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};

use super::host::Host;
use super::planted::Bug;
use super::sky::name_of;
use super::weather::Fate;
use crate::faulty::Operation;

/// A process's broker and store: the servers', through the weather.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) host: Arc<Host>,
    pub(super) bug: Option<Bug>,
}

impl Link {
    /// A call that does something.
    pub(super) async fn call<T, F: Future<Output = Result<T>>>(
        &self,
        operation: Operation,
        call: impl FnOnce() -> F,
    ) -> Result<T> {
        self.attempt(operation, false, call).await
    }

    /// A call that only waits for something to happen: it may be dropped.
    pub(super) async fn wait<T, F: Future<Output = Result<T>>>(
        &self,
        operation: Operation,
        call: impl FnOnce() -> F,
    ) -> Result<T> {
        self.attempt(operation, true, call).await
    }

    async fn attempt<T, F: Future<Output = Result<T>>>(
        &self,
        operation: Operation,
        waits: bool,
        call: impl FnOnce() -> F,
    ) -> Result<T> {
        if self.host.is_dead() {
            return pending().await;
        }
        let (fate, delay) = self.host.sky.fate(waits);
        sleep(delay.there).await;
        match fate {
            Fate::CrashBefore => {
                self.note(|| format!("is about to {}", name_of(operation)));
                self.host.die();
                pending().await
            }
            Fate::Refused => {
                self.note(|| format!("{}: refused", name_of(operation)));
                sleep(delay.back).await;
                Err(error(operation))
            }
            Fate::Done => {
                let answer = call().await;
                sleep(delay.back).await;
                answer
            }
            Fate::Doubted => {
                call().await?;
                self.note(|| format!("{}: done, the answer is lost", name_of(operation)));
                sleep(delay.back).await;
                Err(error(operation))
            }
            Fate::CrashAfter => {
                let _ = call().await;
                self.note(|| format!("has done {}", name_of(operation)));
                self.host.die();
                pending().await
            }
        }
    }

    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        self.host.sky.note(&self.host.name, |_| what());
    }
}

/// No time passes without a reason.
pub(super) async fn sleep(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

pub(super) fn error(operation: Operation) -> Error {
    Error::new(ErrorKind::Unreachable, "simulate", format!("{operation:?} failed in the storm"))
}
