//! Run background tasks in Rust: durable, fast, embedded or as a cluster.
//!
//! ```
//! use std::convert::Infallible;
//! use celeriac::App;
//!
//! #[celeriac::task]
//! async fn add(a: i64, b: i64) -> Result<i64, Infallible> {
//!     Ok(a + b)
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let app = App::memory().register(add);
//!     let worker = app.start_worker().await?;
//!     let sum = app.send(add::s(2, 3)).await?.get().await?;
//!     assert_eq!(sum, 5);
//!     worker.stop().await;
//!     Ok(())
//! }
//! ```
//!
//! | to … | see |
//! |---|---|
//! | define a task | [`#[task]`](macro@task), [`TaskContext`], [`State`], [`Retryable`] |
//! | call it | [`App::send`], [`Signature`], [`AsyncResult`] |
//! | run it | [`App::start_worker`], [`Worker`] |
//! | react to what happens | [`#[event]`](macro@event), [`App::subscribe`], [`App::publish`] |
//! | take documents from outside | [`sources`], [`App::source`], [`App::ingest`], [`App::subscribe_to`] |
//! | save results outside | [`sinks`], [`App::sink`] |
//! | see how it is, and stop in time | [`health`], [`App::check`], [`App::circuit`] |
//! | look after what failed | [`App::quarantined`], [`App::requeue`] |
//! | compose tasks to workflows | [`canvas`] |
//! | declare workflows | [`workflow!`], [`declared`] |
//! | send from other languages | [`App::start_daemon`] |
//! | configure all of it | [`Config`] |
//! | sign and encrypt messages | [`security`] |

#![forbid(unsafe_code)]

mod app;
mod blocking;
mod brokers;
pub mod canvas;
pub mod config;
mod connect;
mod context;
#[cfg(feature = "http")]
mod daemon;
pub mod declared;
mod document;
mod edges;
mod event;
mod failure;
mod handle;
pub mod health;
mod inspect;
mod invoke;
mod quarantine;
mod raw;
mod result;
mod schema;
mod send;
#[cfg(feature = "postgres")]
mod send_in;
mod signature;
mod task;
mod worker;
pub mod workflow;

pub use app::App;
pub use blocking::{Blocking, BlockingError};
pub use canvas::Canvas;
pub use celeriac_core::broker::QueueStats;
pub use celeriac_core::outcome::{Entry, Progress};
pub use celeriac_core::store::{Content, Filter, Quarantined, Reason, WorkflowFilter};
pub use celeriac_core::{
    Address, Capability, ContentType, Failure, HeaderValue, MessageId, Name, QueueName,
    RetryPolicy, State as TaskState, Timestamp,
};
pub use celeriac_macros::{event, task, workflow};
pub use celeriac_publisher::Error as PublishError;
pub use celeriac_publisher::courier::Report as BrokerReport;
pub use celeriac_publisher::relocation::Moved;
pub use celeriac_router::{Answer, Question};
pub use celeriac_security as security;
pub use config::Config;
pub use connect::Error;
pub use context::{MissingState, State, TaskContext};
#[cfg(feature = "http")]
pub use daemon::{Daemon, DaemonError, DaemonOptions};
pub use document::DocumentSubscriber;
pub use edges::{EdgesError, sinks, sources};
pub use event::{Event, Subscriber};
pub use failure::{Retry, Retryable};
pub use handle::{Drawing, NodeProgress, WorkflowHandle, WorkflowProgress, WorkflowResultError};
pub use quarantine::RequeueError;
pub use raw::RawSignature;
pub use result::{AsyncResult, ResultError};
pub use schema::{Parameter, TaskSchema};
/// For `#[derive(celeriac::schemars::JsonSchema)]` with
/// `#[schemars(crate = "celeriac::schemars")]`: what a task takes and gives is
/// then checked in declared workflows.
pub use schemars;
pub use send::{SendError, Submit};
pub use signature::Signature;
pub use task::{Task, TaskBreaker, TaskOptions};
pub use worker::{StartError, Worker};

/// The examples of the guide are tested.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/health.md")]
struct HealthGuide;

/// What the code written by the macros, and the command line, name beside the
/// public types. Not for
/// use by hand; may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use crate::config::nearest::nearest;
    pub use crate::connect::host_name;
    pub use crate::declared::written;
    pub use crate::failure::{Fault, Probe, SaysItself, SaysNothing};
    pub use crate::invoke::{TaskResult, async_body, sync_body};
    pub use crate::schema::{Described, Known, Schemas, Unknown};
    pub use celeriac_core::arguments::NoArguments;
    pub use celeriac_worker::Body;
    pub use serde;
}
