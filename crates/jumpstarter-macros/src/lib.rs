//! The macros of jumpstarter: what they accept is documented where jumpstarter
//! re-exports them.
//!
//! `declaration` reads the impl, `expand` and its modules write the code;
//! every mistake is reported at the place where it was made.

mod arguments;
mod bound;
mod callable;
mod declaration;
mod duration;
mod expand;
mod hooks;
mod lifecycle;
mod messages;
mod resources;
mod statechart;
mod streams;
mod tasks;

use proc_macro::TokenStream;
use syn::{ItemImpl, parse_macro_input};

/// Makes a type an actor. Goes on an inherent impl; functions without one of
/// the attributes below stay ordinary methods.
///
/// `#[actor(streams(Price, Alert))]` says what the actor publishes: types that are
/// `Clone + Send + 'static`, for `ctx.publish(item).await` and
/// `address.subscribe::<Price>(…)`.
///
/// | attribute | on | meaning |
/// |---|---|---|
/// | `#[handler]` | `fn (&mut self, m: M [, ctx: &mut Context<Self>] [, reply: Reply<R>]) -> R` | works on messages of type `M`; what it returns is the reply, unless it takes a `Reply` to answer later |
/// | `#[handler(crash_on_error)]` | the same, returning `Result` | an error is replied, and crashes the actor |
/// | `#[handler(in = started.running.degraded)]`, with `otherwise = "stash"` or `"dead_letter"` (the default) | the same | takes the message in these states only; the innermost state decides among several, one without `in` takes it everywhere else, and without that `otherwise` says what becomes of it; a stash holds as many as the mailbox, what comes beyond is a dead letter (`StashFull`) |
/// | `#[after_batch]` | `fn (&mut self [, ctx])` | called after each batch of messages |
/// | `#[started]`, `#[stopped]` | `fn (&mut self [, ctx])`, may return `Result<(), E>` | the last step of the start; the goodbye before resources are released |
/// | `#[child_failed]` | `fn (&mut self, failure: ChildFailed [, ctx])` | a child crashed and is not restarted; may return `Result<(), E>`, where an error crashes this actor, too |
/// | `#[depends_on]` | `fn (&self [, injector: &Injector]) -> Dependency<B>` | started before this actor, stopped after it |
/// | `#[resource]`, with `timeout = "5s"`, `optional` | `fn ([&self] [, injector: &Injector]) -> Result<T, E>` | acquired during the start, at the same time; sync ones on the blocking pool (those with `&self` one after the other); found by `ctx.resource::<T>()`. An optional one is skipped if it returns `ResourceUnavailable` or is late |
/// | `#[release(name)]`, `#[release(name, timeout = "5s")]` | `fn ([&mut self,] value: T)` | releases the resource of that function instead of a plain drop, within 10 seconds or that time; sync ones without `self` on the blocking pool |
/// | `#[task]`, with the options below | `fn (&mut self [, ctx]) -> Flow` | takes turns with the messages; a turn is dropped at its await when the actor stops, so it must be cancel-safe |
/// | `#[task(concurrent)]`, the same options | `async fn (ctx: TaskContext<Self>) -> Flow` | runs beside the messages as a tokio task of its own; cancel-safe as well |
/// | `#[task(blocking)]`, the same options | `fn ([&mut self,] [ctx: TaskContext<Self>]) -> Flow` | its turns run on the blocking pool: with `self` the messages wait meanwhile, without they do not. It looks at `ctx.is_cancelled()` to end in time |
/// | `#[prepare]`, `#[before]`, `#[after]`, `#[finalize]`, all with or without triggers: `#[before(pause, resume)]` | `fn (&mut self [, e: &Transition<'_>] [, ctx])`, may return `Result<(), E>` | hooks of transitions, see below |
/// | `#[condition]`, `#[condition(pause)]` | the same, returning `bool` | whether the transition happens |
/// | `#[on_exit(path)]`, `#[on_enter(path)]` | as `#[before]` | the state is left, is entered from outside of it |
///
/// # States
///
/// `#[actor(chart = Playing)]` makes the actor follow a chart that extends the
/// lifecycle; see `statechart!`. States are paths, as in `started.running.healthy`;
/// `started.{paused, running.degraded}` names several. A composite stands for all
/// inside of it.
///
/// The hooks of a transition come in this order: `prepare`, `condition`, `before`,
/// `on_exit` from inner to outer states, then the state changes, `on_enter` from
/// outer to inner, `after`, `finalize`. If a condition gives `false`, nothing
/// changes, and who fired the trigger gets a `Refused` that names it; `finalize`
/// comes in any case. During the start a condition that does not hold is a failed
/// start. Conditions are not asked about what happens anyway: the steps of a stop, a
/// crash, a restart.
///
/// Hooks run on the actor between messages, before those that wait. What an actor
/// with hooks reports or fires in a handler is checked at once, and carried out when
/// the handler returns. A hook that fails or panics crashes the actor;
/// `on_enter(crashed)` is called on the value that crashed, with the error. A kill
/// calls no hooks, and a stop that interrupts the start drops those of the step
/// under way.
///
/// # Tasks
///
/// Options of a task: `every = "30s"` (a turn in each period; else one after the
/// other) with `missed = "skip"`, `"delay"` or `"catch_up"` (see `Missed`), or
/// `kind = expression` (any `Pace`); `jitter = "1s"` (the most that is added at
/// random); `retries = 3`, `backoff = "100ms"` (doubled each time) and
/// `backoff_max = "1m"` for turns that fail.
///
/// # All of them
///
/// All of them may be `async` (dependencies may not), and `ctx` is
/// `&mut Context<Self>` in any position (in sync functions also
/// `&Context<Self>`). An async function that takes `&self` needs a type that is
/// `Sync`. A turn of a task on the actor that awaits keeps the messages waiting;
/// use a concurrent one for waiting.
///
/// Durations are whole numbers with a unit: `ms`, `s`, `m`, `h`; `1m30s`.
#[proc_macro_attribute]
pub fn actor(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments with arguments::ActorArguments::read);
    let item = parse_macro_input!(item as ItemImpl);
    match declaration::Declaration::read(item, arguments) {
        Ok(declaration) => expand::expand(&declaration).into(),
        Err(error) => error.to_compile_error().into(),
    }
}

#[expect(missing_docs, reason = "documented where jumpstarter re-exports it")]
#[proc_macro]
pub fn statechart(input: TokenStream) -> TokenStream {
    let chart = parse_macro_input!(input as statechart::grammar::Chart);
    match statechart::expand(&chart) {
        Ok(written) => written.into(),
        Err(error) => error.to_compile_error().into(),
    }
}
