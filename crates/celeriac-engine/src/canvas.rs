//! Canvas: workflows as a pure function, `step(context, said) -> acts`.
//!
//! A canvas is [compiled](fn@compile) once to a graph of steps, which the store
//! keeps in pages. A workflow in flight is an actor without state of its own:
//! where it is follows from the messages that are under way and from the joins
//! in the store. A step's message bears the workflow and the step; what it
//! became is told to [`step`], which answers with what has to be done.
//!
//! # How the router calls it
//!
//! For a delivery with a `workflow` header:
//!
//! 1. **Admit.** If the message's id has a stored outcome and the delivery is
//!    `redelivered`, the outcome is told again (go on with 3; repeating it is
//!    idempotent): a dead router may not have come to the end of it. If it has
//!    one and is not redelivered, it was published twice, and is settled; the
//!    other delivery sees to the rest. (Telling it again would repeat all that
//!    ever followed.) Else, if the id or any of its `scopes` is revoked,
//!    it is not run: tell [`Said::Cancelled`] with those scopes, or
//!    [`Said::Failed`] if it is the id itself. A
//!    [`SIGNAL`](celeriac_core::workflow::SIGNAL) is not dispatched, but told
//!    as [`Said::Signal`]. All else is dispatched to the platform.
//! 2. **Record** the end: `Results::complete`. The first outcome of an id
//!    stays, and *that* one is told, whatever this run came to, so that a step
//!    that ran twice goes on in one way only. A signal is recorded as an empty
//!    success: from then on no revocation stops what it has begun. A task that
//!    fails for good (revoked, expired, poisonous, out of retries, lost) is
//!    [`Said::Failed`]; its message goes into quarantine, from where a retry
//!    by hand takes it.
//! 3. **Step.** Call [`step`]. On [`Need::Page`] read the page of the
//!    workflow's `graph` and call again; on [`Need::Value`] read all members
//!    of the reference, [`assemble`] them, put the value into
//!    [`Context::values`] and call again. The answer is a list of [`Act`]s.
//! 4. **Ask.** All [`Act::Join`] go to `Joins::join` in one batch, all
//!    [`Act::Collect`] to `Joins::members`; tell each answer
//!    ([`Said::Joined`], [`Said::Collected`]) and add the acts that follow,
//!    until nothing more is to be asked. Other acts are gathered meanwhile.
//! 5. **Perform**, in this order: every [`Act::Create`] (`Workflows::create`),
//!    every [`Act::Send`] (publish, or schedule if it has an `eta`), every
//!    [`Act::Mark`] (`mark_steps`), every [`Act::End`] (`transition`, and for
//!    a workflow without parent its outcome: `complete` with its id), every
//!    [`Act::Cancel`] (`revoke`, then cancel what runs in that scope, then note
//!    the end of the parts in it: [`Cancelled`]). What is created is needed by
//!    what is sent; revoking comes last, since it may concern the delivery
//!    itself. Marks may be noted at any time.
//! 6. **Settle** the delivery.
//!
//! Steps 2 to 6 may serve many deliveries at once. Wherever it stops, the
//! delivery is unsettled and all of it is done again: joins answer the same,
//! messages have the same ids, statuses only rise.
//!
//! To begin one: [`Start::of`], `create`, publish the message. To
//! cancel one: revoke its id, then perform [`cancel`]. To retry a step by
//! hand: see [`retry()`].

mod advance;
mod begin;
mod binding;
mod cancelled;
mod compile;
mod condition;
mod dag;
mod ended;
mod graph;
mod id;
mod joined;
mod listing;
mod outgoing;
mod parts;
mod resolve;
mod retry;
mod sheet;
mod start;

pub use advance::{Act, Context, Limits, Need, Said, begin, cancel, step};
pub use cancelled::{Cancelled, Noted};
pub use compile::{CompileError, compile};
pub use condition::{holds, lookup};
pub use graph::Graph;
pub use id::{part_id, path_of, scope_id, signal_id, step_id};
pub use listing::{AssembleError, assemble};
pub use resolve::{ResolveError, Resolver, Wanted};
pub use retry::{NotRetryable, Retry, retry};
pub use start::Start;
