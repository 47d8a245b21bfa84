//! `celeriac workflow`: runs declared workflows, and looks after those in flight.

mod declared;
mod live;

use std::path::PathBuf;
use std::time::Duration;

use celeriac::workflow::{Record, Status};
use celeriac::{
    Drawing, MessageId, NodeProgress, WorkflowFilter, WorkflowHandle, WorkflowProgress,
};
use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use crate::output::{Table, View, pairs};
use crate::problem::{Exit, Problem, Result};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac workflow check nightly.yaml             is it right? Nothing is loaded or run
  celeriac workflow run nightly.yaml --wait        load it, run it, watch it until it has ended
  celeriac workflow run nightly@2                  run version 2, which was loaded before
  celeriac workflow list --declared                which workflows and versions were loaded
  celeriac workflow graph nightly.yaml             draw it before it runs
  celeriac workflow list --status running          what is under way
  celeriac workflow show 0198c2a0-1b2c-7d3e-8f40-123456789abc --follow
  celeriac workflow graph 0198c2a0-1b2c-7d3e-8f40-123456789abc --format svg > nightly.svg
  celeriac workflow retry 0198c2a0-1b2c-7d3e-8f40-123456789abc

A version never changes: a file that says something else needs a new number.
Runs keep to the version that they began with. All keys: docs/workflows.md

With --json, --wait and --follow print a line for each node that changes.";

/// Run workflows, and look after those in flight.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum WorkflowCommand {
    /// Check files: cycles, names, references, and types by what the tasks say.
    Check {
        /// The files: .toml, .yaml or .yml.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Check files, and keep their workflows, so that they can be run by name.
    Load {
        /// The files: .toml, .yaml or .yml.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Run a workflow of a file, or one that was loaded before.
    Run {
        /// A file, or a name: `nightly` (the latest version) or `nightly@2`.
        what: String,
        /// The workflow in the file; may be left out if there is only one.
        name: Option<String>,
        /// Show its progress until it has ended, then its result.
        #[arg(long)]
        wait: bool,
        /// How long to wait at most.
        #[arg(long, value_name = "DURATION", requires = "wait", default_value = "1h")]
        #[arg(value_parser = humantime::parse_duration)]
        timeout: Duration,
    },
    /// List workflows, the latest first.
    List {
        /// Those that were loaded, with their versions, rather than runs.
        #[arg(long, conflicts_with_all = ["name", "status", "limit"])]
        declared: bool,
        /// Only of this name.
        #[arg(long)]
        name: Option<String>,
        /// Only of this status.
        #[arg(long, value_enum)]
        status: Option<Ended>,
        /// How many at the most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show how far a workflow is, node by node.
    Show {
        /// The workflow's id.
        id: MessageId,
        /// Go on until it has ended.
        #[arg(long)]
        follow: bool,
    },
    /// Draw the graph of a workflow with the status of every step.
    Graph {
        /// The workflow's id; or, of one that does not run, a file or a name.
        what: String,
        /// The workflow in the file; may be left out if there is only one.
        name: Option<String>,
        /// The language of the drawing.
        #[arg(long, value_enum, default_value = "mermaid")]
        format: Format,
    },
    /// Cancel workflows: what waits is not run, what runs is cancelled.
    Cancel {
        /// The workflows' ids.
        #[arg(required = true)]
        ids: Vec<MessageId>,
    },
    /// Try the step again that a workflow has failed with; it goes on from there.
    Retry {
        /// The workflow's id.
        id: MessageId,
    },
}

/// The status of a workflow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Ended {
    Running,
    Success,
    Failure,
    Cancelled,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Mermaid,
    Dot,
    Svg,
}

impl Format {
    fn write(self, drawing: &Drawing) -> String {
        match self {
            Self::Mermaid => drawing.mermaid(),
            Self::Dot => drawing.dot(),
            Self::Svg => drawing.svg(),
        }
    }
}

/// One workflow as a list or an answer shows it.
#[derive(Debug, Serialize)]
struct Line {
    id: MessageId,
    name: String,
    version: u32,
    status: Status,
    created_at: String,
}

#[derive(Debug, Serialize)]
struct List {
    workflows: Vec<Line>,
}

impl View for List {
    fn text(&self) -> String {
        let mut table = Table::new(["ID", "NAME", "VERSION", "STATUS", "CREATED"]).numbers([2]);
        for Line { id, name, version, status, created_at } in &self.workflows {
            let version = if *version == 0 { String::new() } else { version.to_string() };
            let (id, status) = (id.to_string(), status.to_string());
            table.row([id, name.clone(), version, status, created_at.clone()]);
        }
        table.or("There are no such workflows.")
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    id: MessageId,
    #[serde(flatten)]
    progress: WorkflowProgress,
}

impl View for Shown {
    fn text(&self) -> String {
        nodes(&self.progress.nodes)
    }
}

#[derive(Debug, Serialize)]
struct Drawn {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MessageId>,
    graph: String,
}

impl View for Drawn {
    fn text(&self) -> String {
        self.graph.trim_end().to_owned()
    }
}

/// What was done with a workflow.
#[derive(Debug, Serialize)]
struct Done {
    workflow: MessageId,
    did: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

impl View for Done {
    fn text(&self) -> String {
        let result = self.result.as_ref().map_or(String::new(), Value::to_string);
        pairs([("workflow", format!("{} {}", self.workflow, self.did)), ("result", result)])
    }
}

/// A table of nodes, indented as they nest.
pub(super) fn nodes(nodes: &[NodeProgress]) -> String {
    let mut table = Table::new(["NODE", "KIND", "STATUS", "DONE", "FAILED"]).numbers([3, 4]);
    for node in nodes {
        let name = format!("{}{}", "· ".repeat(node.depth), node.name);
        let failed = if node.failed == 0 { String::new() } else { node.failed.to_string() };
        let done = format!("{}/{}", node.done, node.total);
        table.row([name, node.kind.to_owned(), node.status.to_string(), done, failed]);
    }
    table.or("The workflow has no steps.")
}

pub(crate) async fn run(command: &WorkflowCommand, session: &Session) -> Result<()> {
    let handle = |id| -> WorkflowHandle<Value> { session.app.workflow_handle(id) };
    let done = |workflow, did| session.output.show(&Done { workflow, did, result: None });
    match command {
        WorkflowCommand::Check { files } => return declared::check(files, session).await,
        WorkflowCommand::Load { files } => return declared::load(files, session).await,
        WorkflowCommand::Run { what, name, wait, timeout } => {
            session.needs_lasting_broker("no worker would run it")?;
            let declaration = declared::found(what, name.as_deref(), session).await?;
            let run = session.app.run_workflow(&declaration).await?;
            if !wait {
                return done(run.id(), "sent");
            }
            return watched(&run, *timeout, session).await;
        }
        WorkflowCommand::Graph { what, name, format } if what.parse::<MessageId>().is_err() => {
            let declaration = declared::found(what, name.as_deref(), session).await?;
            let graph = format.write(&declaration.drawing());
            return session.output.show(&Drawn { id: None, graph });
        }
        _ => {}
    }
    session.needs_used_broker("no workflow to look at")?;
    match command {
        WorkflowCommand::Check { .. }
        | WorkflowCommand::Load { .. }
        | WorkflowCommand::Run { .. } => Ok(()),
        WorkflowCommand::List { declared: true, .. } => declared::list(session).await,
        WorkflowCommand::List { name, status, limit, .. } => {
            list(name.as_deref(), *status, *limit, session).await
        }
        WorkflowCommand::Show { id, follow: true } => {
            live::follow(&handle(*id), &session.output).await
        }
        WorkflowCommand::Show { id, follow: false } => {
            let progress = handle(*id).progress().await?;
            session.output.show(&Shown { id: *id, progress })
        }
        WorkflowCommand::Graph { what, format, .. } => {
            let id: MessageId = what.parse().map_err(Problem::usage)?;
            let graph = format.write(&handle(id).graph().await?);
            session.output.show(&Drawn { id: Some(id), graph })
        }
        WorkflowCommand::Cancel { ids } => {
            for id in ids {
                handle(*id).cancel().await?;
                done(*id, "cancelled")?;
            }
            Ok(())
        }
        WorkflowCommand::Retry { id } => {
            handle(*id).retry().await?;
            done(*id, "retried")
        }
    }
}

async fn watched(run: &WorkflowHandle<Value>, limit: Duration, session: &Session) -> Result<()> {
    let watching = live::follow(run, &session.output);
    if let Ok(watched) = tokio::time::timeout(limit, watching).await {
        watched?;
        let result = Some(run.get().await?);
        return session.output.show(&Done { workflow: run.id(), did: "ended", result });
    }
    let message = format!("the workflow {} has not ended after {limit:?}; it goes on", run.id());
    let hint = format!("see `celeriac workflow show {}`", run.id());
    Err(Problem::new(Exit::Unavailable, message).hint(hint))
}

async fn list(
    name: Option<&str>,
    status: Option<Ended>,
    limit: usize,
    session: &Session,
) -> Result<()> {
    let status = status.map(|status| match status {
        Ended::Running => Status::Running,
        Ended::Success => Status::Success,
        Ended::Failure => Status::Failure,
        Ended::Cancelled => Status::Cancelled,
    });
    let name = name.map(celeriac_core::Name::from);
    let filter = WorkflowFilter { name, status, ..WorkflowFilter::default() };
    let records = session.app.workflows(&filter, limit).await?;
    let line = |record: &Record| Line {
        id: record.workflow.id,
        name: record.workflow.name.to_string(),
        version: record.workflow.version,
        status: record.status(),
        created_at: record.workflow.created_at.to_string(),
    };
    session.output.show(&List { workflows: records.iter().map(line).collect() })
}
