//! `#[celeriac::task]`, `#[celeriac::event]` and `workflow!`.
//!
//! What is written here is read at compile time only: the macros check what
//! they are given, say at the right place what to do about a mistake, and
//! expand to implementations of the traits of `celeriac`, by which they are
//! re-exported. What a task *does* lives there, not here.

#![forbid(unsafe_code)]

mod event;
mod task;
mod value;
mod workflow;

use proc_macro::TokenStream;

/// Makes a task of a function.
///
/// ```text
/// #[celeriac::task(queue = "mail", retry(max = 10, backoff = "1s..2m"), time_limit = "30s")]
/// async fn send_welcome(user_id: Uuid, email: String) -> Result<Receipt, MailError> { … }
///
/// app.send(send_welcome::s(id, email)).await?;
/// ```
///
/// An `async fn` waits more than it computes, and runs with many others on few
/// threads; a plain `fn` computes, and runs on a pool of threads.
///
/// The function becomes a type of the same name (a `let` of that name may
/// shadow it where calls are made) with
///
/// - `s(arguments…)`: a call, not yet sent, whose options can be set;
/// - `p(rest…)`: a step of a [workflow](../celeriac/canvas/index.html), whose
///   first argument is the result of the step before; of tasks with arguments,
/// - `from_event(map)`: a subscriber that makes arguments of an event;
/// - `from_document(map)`: one that makes them of a document;
/// - `call(parameters…)`: the function itself, to be called in tests.
///
/// Parameters of the types `&TaskContext` and `State<T>` are no arguments: the
/// worker gives them. The others travel in a message: they are owned and
/// implement serde's `Serialize` and `Deserialize`, at most 16 of them. If the
/// return type is a `Result`, its error decides whether the task is tried again.
///
/// # Options
///
/// | option | value | default |
/// |---|---|---|
/// | `name` | the name on the wire | module path and function name |
/// | `queue` | the queue it waits in | `"default"` |
/// | `priority` | 0 to 9, 9 goes first | 5 |
/// | `retry(max = …, backoff = "…")` | attempts in all, and the first and the longest delay | `max = 5, backoff = "1s..2m"`, or as the app says |
/// | `retry = false` | a failure is final | |
/// | `soft_time_limit` | when a run is asked to stop | never |
/// | `time_limit` | when a run is ended | never |
/// | `expires` | a call that did not begin by then goes to quarantine | never |
/// | `result_ttl` | how long outcomes are kept | `"24h"` |
/// | `ignore_result` | keep no values | `false` |
/// | `sinks = ["a", "b"]` | where values go, beside the store | none |
/// | `concurrency` | runs at once in one worker | the worker's |
/// | `breaker(failures = 3, open_for = "30s")`, `breaker = false` | when it is not run for a while, because it fails | the app's |
///
/// Durations are written as `"250ms"`, `"30s"`, `"1m30s"`, `"2h"`.
#[proc_macro_attribute]
pub fn task(attribute: TokenStream, item: TokenStream) -> TokenStream {
    task::task(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an event of a struct or enum: something that happened, to which any
/// number of tasks subscribe.
///
/// ```text
/// #[celeriac::event]
/// struct UserRegistered { user_id: Uuid, email: String }
///
/// app.subscribe::<UserRegistered>(send_welcome::from_event(|e| (e.user_id, e.email)));
/// app.publish(UserRegistered { … }).await?;
/// ```
///
/// It derives serde's `Serialize` and `Deserialize`, unless a `derive` below it
/// does. The name on the wire is the module path and the type's name;
/// `#[celeriac::event(name = "…")]` sets another.
#[proc_macro_attribute]
pub fn event(attribute: TokenStream, item: TokenStream) -> TokenStream {
    event::event(attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares a workflow in a program: the same that a TOML or YAML file says,
/// with tasks of the program by their paths.
///
/// ```text
/// let nightly = celeriac::workflow! {
///     name: "nightly",
///     version: 3,
///     on_error: fail_fast,
///
///     step extract: etl::extract { args: [3] },
///     step load: etl::load {
///         needs: [extract],
///         foreach: extract.files,
///         args: { to: "/data" },
///         on_error: settle,
///         time_limit: "30s",
///     },
///     step check: etl::check {
///         needs: [extract],
///         when: extract.count >= 3,
///         args: [extract, 2],
///     },
/// };
/// let declared = app.load_workflows(&nightly).await?;
/// ```
///
/// It gives a `celeriac::declared::Document`. The keys of a step are those of a
/// [file](../celeriac/declared/index.html). What differs: `needs` are names;
/// `extract.files[0]` is a reference, where a file has `"$.extract.files[0]"`;
/// `when` is a comparison with a literal; a task is a path, or a text for one
/// that this program does not have; other values are expressions whose types
/// implement serde's `Serialize`.
///
/// Unknown keys and steps, cycles, references to what is not needed, and paths
/// that are no tasks do not compile. The rest is checked when it is loaded, and
/// told with its line and column in the source.
#[proc_macro]
pub fn workflow(input: TokenStream) -> TokenStream {
    workflow::workflow(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
