//! `celeriac tasks`: what tasks take and give.

use celeriac::TaskSchema;
use clap::Subcommand;
use serde::Serialize;

use crate::output::{Table, View};
use crate::problem::{Exit, Problem, Result};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac --broker ./data tasks list              the tasks that the workers know
  celeriac --broker ./data tasks show mail.welcome --json
                                                   the JSON schemas of what it takes and gives

A program with tasks of its own shows those. Other programs ask the workers.
Types say what they are if they implement `JsonSchema`; others may be anything.";

/// Show which tasks there are, and what they take and give.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum TasksCommand {
    /// List tasks by name.
    List,
    /// Show what a task takes and gives, as JSON schemas.
    Show {
        /// The task's name.
        name: String,
    },
}

#[derive(Debug, Serialize)]
struct List {
    tasks: Vec<TaskSchema>,
}

impl View for List {
    fn text(&self) -> String {
        let mut table = Table::new(["TASK", "TAKES AND GIVES"]);
        for task in &self.tasks {
            table.row([task.name.clone(), task.summary()]);
        }
        table.or("There are no tasks.")
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Shown(TaskSchema);

impl View for Shown {
    fn text(&self) -> String {
        let json = serde_json::to_string_pretty(&self.0).unwrap_or_default();
        format!("{} {}\n{json}", self.0.name, self.0.summary())
    }
}

pub(crate) async fn run(command: &TasksCommand, session: &Session) -> Result<()> {
    let tasks = known(session).await?;
    if tasks.is_empty() {
        return Err(Problem::new(
            Exit::NotFound,
            "no worker answers, and this program has no tasks",
        )
        .hint("start one with `celeriac worker`, with the same --broker"));
    }
    match command {
        TasksCommand::List => session.output.show(&List { tasks }),
        TasksCommand::Show { name } => {
            let names: Vec<_> = tasks.iter().map(|task| task.name.clone()).collect();
            match tasks.into_iter().find(|task| task.name == *name) {
                Some(task) => session.output.show(&Shown(task)),
                None => Err(unknown(name, &names)),
            }
        }
    }
}

fn unknown(name: &str, names: &[String]) -> Problem {
    let names = names.iter().map(String::as_str);
    let problem = Problem::new(Exit::NotFound, format!("there is no task `{name}`"));
    match celeriac::__private::nearest(name, names) {
        Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
        None => problem.hint("`celeriac tasks list` shows those that there are"),
    }
}

/// The tasks of this program; if it has none, those of the workers.
pub(crate) async fn known(session: &Session) -> Result<Vec<TaskSchema>> {
    let own = session.app.task_schemas();
    let has_workers = session.needs_used_broker("no workers to ask").is_ok();
    if !own.is_empty() || !has_workers {
        return Ok(own);
    }
    Ok(session.app.workers_task_schemas().await?)
}
