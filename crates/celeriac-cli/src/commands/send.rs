//! `celeriac send`: sends a task by name, with arguments as JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use celeriac::__private::nearest;
use celeriac::{MessageId, Question, RawSignature};
use celeriac_core::Priority;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::commands::result::show_end;
use crate::output::{Reader, View};
use crate::problem::{Problem, Result};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac send mail.welcome --args '[1, \"ann@example.org\"]'
  celeriac send mail.welcome --kwargs '{\"user_id\": 1, \"email\": \"ann@example.org\"}'
  celeriac send report.nightly --countdown 10m --priority 9
  celeriac send math.add --args '[2, 3]' --wait --timeout 10s     and show the result

With --wait the exit code is 0 if the task succeeded, 1 if it failed, 4 if time ran out.";

/// Send a task by name.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SendArgs {
    /// The task's name, such as `mail.welcome`; `celeriac inspect registered` lists them.
    name: String,
    /// The arguments by position, a JSON list.
    #[arg(long, value_name = "JSON", value_parser = list, default_value = "[]")]
    args: List,
    /// The arguments by name, a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object, default_value = "{}")]
    kwargs: Object,
    /// The queue. Default: `default`.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// How urgent it is, 0 to 9, 9 first. Default: 5.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=9))]
    priority: Option<u8>,
    /// Run it this much later, such as `10s` or `1h30m`.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    countdown: Option<Duration>,
    /// If it did not begin by then, it goes to quarantine.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    /// Where the value goes, beside the store: the name of a sink, or `store` for
    /// nowhere else; may be given again. Default: the task's own sinks.
    #[arg(long = "sink", value_name = "NAME")]
    sinks: Vec<String>,
    /// An id of your own, a UUID: a second send of the same id runs nothing.
    #[arg(long, value_name = "UUID")]
    id: Option<MessageId>,
    /// Wait for the result, and print it.
    #[arg(long)]
    wait: bool,
    /// How long to wait at most.
    #[arg(long, value_name = "DURATION", requires = "wait", default_value = "1h")]
    #[arg(value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// Positional arguments; a type of its own, since clap reads a `Vec` as many values.
#[derive(Clone, Debug)]
struct List(Vec<Value>);

/// Arguments by name.
#[derive(Clone, Debug)]
struct Object(Map<String, Value>);

fn list(text: &str) -> Result<List, String> {
    let hint = "give a JSON list, such as '[1, \"two\"]'";
    serde_json::from_str(text).map(List).map_err(|error| format!("{error}; {hint}"))
}

fn object(text: &str) -> Result<Object, String> {
    let hint = "give a JSON object, such as '{\"count\": 1}'";
    serde_json::from_str(text).map(Object).map_err(|error| format!("{error}; {hint}"))
}

#[derive(Serialize)]
struct Sent {
    id: MessageId,
}

impl View for Sent {
    fn text(&self) -> String {
        self.id.to_string()
    }
}

pub(crate) async fn run(args: SendArgs, session: &Session) -> Result<()> {
    session.needs_lasting_broker("nobody would run it")?;
    let priority = args.priority.map(Priority::new).transpose().map_err(Problem::usage)?;
    let call = RawSignature {
        name: args.name,
        args: args.args.0,
        kwargs: args.kwargs.0,
        queue: args.queue,
        priority,
        countdown: args.countdown,
        expires: args.expires,
        sinks: args.sinks,
        id: args.id,
    };
    if session.output.reader() == Reader::Person {
        suggest(&call.name, session).await?;
    }
    let result = session.app.send_raw(call).await?;
    if args.wait {
        return show_end(&result, args.timeout, &session.output).await;
    }
    session.output.show(&Sent { id: result.id() })
}

/// Tells a person that no living worker knows the task, and which one was
/// probably meant. It is sent all the same: a worker that knows it may come.
async fn suggest(task: &str, session: &Session) -> Result<()> {
    let answers = session.app.inspect(Question::Registered).await?;
    let tasks = answers.iter().filter_map(|(_, answer)| answer.as_ref()?.as_array()).flatten();
    let known: BTreeSet<&str> = tasks.filter_map(|task| task["name"].as_str()).collect();
    if known.is_empty() || known.contains(task) {
        return Ok(());
    }
    let meant = match nearest(task, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "`celeriac inspect registered` lists those that are known".to_owned(),
    };
    session.output.note(&format!("no worker knows the task `{task}`; {meant}"));
    Ok(())
}
