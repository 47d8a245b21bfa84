//! The tasks of random canvases, as the facade runs them: any number of
//! arguments, and what [`celeriac_testkit::canvas::run`] says. Used by the
//! simulation and by the crash tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use celeriac::{App, Task, TaskOptions};
use celeriac_core::arguments::Arguments;
use celeriac_core::platform::RunResult;
use celeriac_core::{ContentType, Failure, HeaderValue, MessageId, body};
use celeriac_testkit::canvas::{KIND, Ran, failures_before_success, run, text};
use celeriac_worker::{Body, RunContext};
use parking_lot::Mutex;
use tokio::time::sleep;

use crate::pace::{PAUSE, RETRY};

/// What the tasks of one simulation share; a person who looks on.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// Every task that ran with which arguments, by the id of its message.
    pub(crate) runs: Mutex<BTreeMap<MessageId, String>>,
    /// Whether what is broken was mended.
    pub(crate) mended: AtomicBool,
}

async fn work(name: &'static str, run_context: RunContext) -> RunResult {
    let message = run_context.message().clone();
    let Some(witness) = run_context.state::<Arc<Witness>>() else { return RunResult::Released };
    let arguments: Arguments = match body::decode(&message.content_type, &message.body) {
        Ok(arguments) => arguments,
        Err(error) => {
            let failure = Failure::new("undecodable_arguments", error.to_string());
            return RunResult::Undecodable { failure };
        }
    };
    let args = arguments.args;
    witness.runs.lock().insert(message.id, format!("{name}{}", text(&args)));
    if message.attempt < failures_before_success(name, &args) {
        return failed("not yet".to_owned());
    }
    if name == "revoked" {
        let Some(app) = run_context.state::<App>() else { return RunResult::Released };
        return match app.revoke(&[message.id]).await {
            Ok(()) => std::future::pending().await,
            Err(_) => RunResult::Released,
        };
    }
    // Some wait, so that others come in between.
    let pause = PAUSE * u32::try_from(message.id.hash_bits() % 4).unwrap();
    if !pause.is_zero() {
        sleep(pause).await;
    }
    match run(name, &args, None, witness.mended.load(Ordering::Relaxed)) {
        Ran::Value(value) => success(&value),
        Ran::Replaced(canvas) => RunResult::Replaced { canvas },
        Ran::Failed(_, message) if name == "hopeless" => failed(message),
        Ran::Failed(kind, message) => RunResult::Final { failure: Failure::new(kind, message) },
    }
}

fn failed(message: String) -> RunResult {
    RunResult::Failed { failure: Failure::new(KIND, message), retry_after: None }
}

fn success(value: &HeaderValue) -> RunResult {
    let value = body::encode(&ContentType::Json, value).unwrap();
    RunResult::Success { content_type: ContentType::Json, value }
}

/// A task of that name, which takes whatever it is given.
macro_rules! simulated {
    ($($task:ident = $name:literal),* $(,)?) => {
        $(
            #[derive(Clone, Copy)]
            struct $task;

            impl Task for $task {
                type Args = (HeaderValue,);
                type Output = HeaderValue;
                const NAME: &'static str = $name;
                const PARAMETERS: &'static [&'static str] = &["value"];
                const OPTIONS: TaskOptions = TaskOptions {
                    retry: Some(RETRY),
                    ..TaskOptions::DEFAULT
                };

                fn body() -> Body {
                    Body::Async(Arc::new(|run| Box::pin(work($name, run))))
                }
            }
        )*

        /// The app with every task of a random canvas.
        pub(crate) fn register(app: App) -> App {
            app$(.register(|| $task))*
        }
    };
}

simulated! {
    Mix = "mix",
    Odd = "odd",
    Fail = "fail",
    List = "list",
    Lists = "lists",
    MapTask = "map",
    Null = "null",
    Replace = "replace",
    ReplaceOnce = "replace_once",
    Broken = "broken",
    ReplaceBroken = "replace_broken",
    Flaky = "flaky",
    Hopeless = "hopeless",
    Late = "late",
    Revoked = "revoked",
}
