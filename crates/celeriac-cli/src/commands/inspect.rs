//! `celeriac inspect`: asks every living worker about itself.

use celeriac::{Question, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::commands::actors::{self, ActorsArgs};
use crate::output::{Table, View};
use crate::problem::{Exit, Problem, Result};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac inspect active          what runs, where, since when
  celeriac inspect registered      which tasks the workers know
  celeriac inspect stats           what has happened so far
  celeriac inspect circuits        what is not tried at the moment, and until when
  celeriac inspect actors          the parts of each worker, with their states
  celeriac inspect actors --watch  the same, again and again
  celeriac help inspect actors     what its columns and states mean";

/// Where an answer tells times, in milliseconds.
const SINCE: &str = "/since";
const UNTIL: &str = "/until";

/// Ask the workers what they do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InspectArgs {
    #[command(subcommand)]
    about: About,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum About {
    /// Tasks that run.
    Active,
    /// Tasks that the workers know.
    Registered,
    /// What has happened so far.
    Stats,
    /// Circuit breakers: what is tried, and what is not.
    Circuits,
    Actors(ActorsArgs),
}

impl About {
    const fn question(&self) -> Question {
        match self {
            Self::Active => Question::Active,
            Self::Registered => Question::Registered,
            Self::Stats => Question::Stats,
            Self::Circuits => Question::Circuits,
            Self::Actors(_) => Question::Actors,
        }
    }

    /// The heads of the columns, and where their values are in an answer's rows.
    const fn columns(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Active => &[
                ("ID", "/id"),
                ("TASK", "/task"),
                ("QUEUE", "/queue"),
                ("ATTEMPT", "/attempt"),
                ("SINCE", SINCE),
            ],
            Self::Registered => &[
                ("TASK", "/name"),
                ("KIND", "/kind"),
                ("QUEUE", "/queue"),
                ("ATTEMPTS", "/retry/max_attempts"),
            ],
            Self::Stats => &[
                ("RECEIVED", "/tasks/received"),
                ("SUCCEEDED", "/tasks/succeeded"),
                ("FAILED", "/tasks/failed"),
                ("RETRIED", "/tasks/retried"),
                ("REVOKED", "/tasks/revoked"),
                ("QUARANTINED", "/tasks/quarantined"),
                ("RUNNING", "/platform/running"),
                ("WAITING", "/platform/waiting"),
                ("PID", "/pid"),
            ],
            Self::Circuits => &[
                ("GUARDS", "/guards"),
                ("NAME", "/name"),
                ("CIRCUIT", "/circuit"),
                ("SINCE", SINCE),
                ("UNTIL", UNTIL),
                ("TRIPS", "/trips"),
                ("WHY", "/why"),
            ],
            // They have a look of their own.
            Self::Actors(_) => &[],
        }
    }
}

/// A worker and what it said; nothing if it did not answer in time.
#[derive(Serialize)]
pub(crate) struct Answer {
    pub(crate) worker: String,
    pub(crate) answer: Option<Value>,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Answers {
    answers: Vec<Answer>,
    #[serde(skip)]
    about: About,
}

impl View for Answers {
    fn text(&self) -> String {
        let columns = self.about.columns();
        let heads = std::iter::once("WORKER").chain(columns.iter().map(|(head, _)| *head));
        let mut table = Table::new(heads);
        for answer in &self.answers {
            for row in answer.answer.iter().flat_map(rows) {
                let cells = columns.iter().map(|(_, place)| cell(place, row.pointer(place)));
                table.row(std::iter::once(answer.worker.clone()).chain(cells));
            }
        }
        table.or(match self.about {
            About::Active => "Nothing runs.",
            About::Circuits => "No circuit has ever tripped.",
            _ => "There is nothing to tell.",
        })
    }
}

/// A list's elements, or the value itself.
fn rows(answer: &Value) -> &[Value] {
    answer.as_array().map_or(std::slice::from_ref(answer), Vec::as_slice)
}

fn cell(place: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(value) if [SINCE, UNTIL].contains(&place) => time(value),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Milliseconds as a point in time; a dash for none.
pub(crate) fn time(millis: &Value) -> String {
    millis.as_u64().map_or_else(|| "-".to_owned(), |it| Timestamp::from_millis(it).to_string())
}

pub(crate) async fn run(args: &InspectArgs, session: &Session) -> Result<()> {
    session.needs_used_broker("no workers to ask")?;
    if let About::Actors(args) = &args.about {
        return actors::run(args, session).await;
    }
    let answers = some(ask(args.about.question(), session).await?)?;
    session.output.show(&Answers { answers, about: args.about.clone() })
}

impl InspectArgs {
    /// Whether it goes on until it is told to stop.
    pub(crate) const fn is_endless(&self) -> bool {
        matches!(&self.about, About::Actors(args) if args.watch)
    }
}

/// What each worker says, and a remark on those that say nothing.
pub(crate) async fn ask(question: Question, session: &Session) -> Result<Vec<Answer>> {
    let answers = session.app.inspect(question).await?;
    let answers: Vec<_> =
        answers.into_iter().map(|(worker, answer)| Answer { worker, answer }).collect();
    for silent in answers.iter().filter(|answer| answer.answer.is_none()) {
        session.output.note(&format!("{} is alive but did not answer in time", silent.worker));
    }
    Ok(answers)
}

/// The answers, unless there are none.
pub(crate) fn some(answers: Vec<Answer>) -> Result<Vec<Answer>> {
    if answers.is_empty() {
        return Err(Problem::new(Exit::NotFound, "no worker answers")
            .hint("start one with `celeriac worker`, with the same --broker"));
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_bears_its_worker() {
        let answer = serde_json::json!([{"id": "1", "task": "t", "queue": "q", "since": 0}]);
        let answers = vec![Answer { worker: "w1".to_owned(), answer: Some(answer) }];
        let text = Answers { answers, about: About::Active }.text();
        let expected = "WORKER  ID  TASK  QUEUE  ATTEMPT  SINCE\n\
             w1      1   t     q      -        1970-01-01T00:00:00.000Z";
        assert_eq!(text, expected);
    }
}
