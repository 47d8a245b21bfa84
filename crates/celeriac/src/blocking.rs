//! The app for callers that are not async.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::app::App;
use crate::handle::{WorkflowHandle, WorkflowResultError};
use crate::result::{AsyncResult, ResultError};
use crate::send::{SendError, Submit};
use crate::signature::Signature;
use crate::task::Task;
use crate::worker::{StartError, Worker};

/// Why a blocking handle can't be made.
#[derive(Debug, thiserror::Error)]
pub enum BlockingError {
    /// The calling thread runs async tasks, which must not block.
    #[error("this thread runs async tasks; use the async methods of `App` here")]
    InAsyncContext,
    /// No runtime could be started.
    #[error("failed to start a runtime: {0}")]
    Runtime(#[from] Arc<std::io::Error>),
}

/// An app whose methods block the calling thread. It runs what is async on a
/// runtime of its own, which ends with it.
///
/// ```
/// # use celeriac::App;
/// #[celeriac::task]
/// fn double(n: u32) -> u32 { n * 2 }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let app = App::memory().register(double).blocking()?;
///     let worker = app.start_worker()?;
///     let doubled = app.send(double::s(21))?;
///     assert_eq!(app.get(&doubled)?, 42);
///     app.stop(&worker);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Blocking {
    app: App,
    runtime: Runtime,
}

impl App {
    /// The app for callers that are not async. Use either the async or the
    /// blocking methods of an app, not both: it lives on one runtime.
    ///
    /// # Errors
    /// [`BlockingError`] when called from async code, or without threads to spare.
    pub fn blocking(&self) -> Result<Blocking, BlockingError> {
        if Handle::try_current().is_ok() {
            return Err(BlockingError::InAsyncContext);
        }
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(Arc::new)?;
        Ok(Blocking { app: self.clone(), runtime })
    }
}

impl Blocking {
    /// As [`App::send`].
    ///
    /// # Errors
    /// As [`App::send`].
    pub fn send<S: Submit>(&self, what: S) -> Result<S::Handle, SendError> {
        self.runtime.block_on(self.app.send(what))
    }

    /// As [`App::send_many`].
    ///
    /// # Errors
    /// As [`App::send_many`].
    pub fn send_many<T: Task>(
        &self,
        signatures: impl IntoIterator<Item = Signature<T>>,
    ) -> Result<Vec<AsyncResult<T::Output>>, SendError> {
        self.runtime.block_on(self.app.send_many(signatures))
    }

    /// As [`AsyncResult::get`].
    ///
    /// # Errors
    /// As [`AsyncResult::get`].
    pub fn get<T: DeserializeOwned>(&self, result: &AsyncResult<T>) -> Result<T, ResultError> {
        self.runtime.block_on(result.get())
    }

    /// As [`WorkflowHandle::get`].
    ///
    /// # Errors
    /// As [`WorkflowHandle::get`].
    pub fn get_workflow<Out: DeserializeOwned>(
        &self,
        workflow: &WorkflowHandle<Out>,
    ) -> Result<Out, WorkflowResultError> {
        self.runtime.block_on(workflow.get())
    }

    /// As [`AsyncResult::get_timeout`].
    ///
    /// # Errors
    /// As [`AsyncResult::get_timeout`].
    pub fn get_timeout<T: DeserializeOwned>(
        &self,
        result: &AsyncResult<T>,
        limit: Duration,
    ) -> Result<T, ResultError> {
        self.runtime.block_on(async { result.get_timeout(limit).await })
    }

    /// As [`App::start_worker`].
    ///
    /// # Errors
    /// As [`App::start_worker`].
    pub fn start_worker(&self) -> Result<Worker, StartError> {
        self.runtime.block_on(self.app.start_worker())
    }

    /// As [`Worker::stop`].
    pub fn stop(&self, worker: &Worker) {
        self.runtime.block_on(worker.stop());
    }

    /// Runs anything else that is async, such as other methods of the app.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The async app.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        self.runtime.block_on(self.app.shutdown());
    }
}
