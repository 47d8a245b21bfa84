//! Declared workflows: checked, loaded, listed, and found by file or name.

use std::path::{Path, PathBuf};

use celeriac::TaskSchema;
use celeriac::declared::{Declaration, Document};
use serde::Serialize;

use crate::commands::tasks;
use crate::output::{Table, View};
use crate::problem::{Exit, Problem, Result};
use crate::session::Session;

/// One declared workflow as a list shows it.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    version: u32,
    steps: usize,
}

#[derive(Debug, Serialize)]
struct List {
    declared: Vec<Line>,
    /// How many tasks they were checked against.
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<usize>,
}

impl List {
    fn of(declared: &[Declaration], tasks: Option<usize>) -> Self {
        let line = |one: &Declaration| {
            let steps = match &one.canvas().shape {
                celeriac::workflow::Shape::Dag { stages, .. } => stages.len(),
                _ => 1,
            };
            Line { name: one.name().to_owned(), version: one.version(), steps }
        };
        Self { declared: declared.iter().map(line).collect(), tasks }
    }
}

impl View for List {
    fn text(&self) -> String {
        let mut table = Table::new(["NAME", "VERSION", "STEPS"]).numbers([1, 2]);
        for Line { name, version, steps } in &self.declared {
            table.row([name.clone(), version.to_string(), steps.to_string()]);
        }
        let table = table.or("No workflow was loaded.");
        match self.tasks {
            None => table,
            Some(0) => format!("{table}\nRight, as far as it shows: no tasks are known here."),
            Some(1) => format!("{table}\nRight, checked against 1 task."),
            Some(tasks) => format!("{table}\nRight, checked against {tasks} tasks."),
        }
    }
}

/// All that is declared in the files; or all that is wrong in them.
fn read(files: &[PathBuf], tasks: &[TaskSchema], session: &Session) -> Result<Vec<Declaration>> {
    let (mut declared, mut wrong) = (Vec::new(), Vec::new());
    for file in files {
        let checked = Document::read(file)
            .and_then(|document| session.app.check_workflows_with(&document, tasks.to_vec()));
        match checked {
            Ok(more) => declared.extend(more),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(declared) } else { Err(Problem::usage(wrong.join("\n"))) }
}

pub(super) async fn check(files: &[PathBuf], session: &Session) -> Result<()> {
    let tasks = tasks::known(session).await?;
    let declared = read(files, &tasks, session)?;
    session.output.show(&List::of(&declared, Some(tasks.len())))
}

pub(super) async fn load(files: &[PathBuf], session: &Session) -> Result<()> {
    session.needs_lasting_broker("nobody could run it")?;
    let tasks = tasks::known(session).await?;
    let declared = read(files, &tasks, session)?;
    for declaration in &declared {
        session.app.declare_workflow(declaration).await?;
    }
    session.output.show(&List::of(&declared, Some(tasks.len())))
}

pub(super) async fn list(session: &Session) -> Result<()> {
    session.output.show(&List::of(&session.app.declared_workflows().await?, None))
}

/// Whether a file is meant, and no name.
fn is_file(what: &str) -> bool {
    let end = Path::new(what).extension().and_then(|end| end.to_str());
    matches!(end, Some("toml" | "yaml" | "yml")) || what.contains('/') || Path::new(what).is_file()
}

/// The name and the version in `nightly@2`.
fn name_and_version(what: &str) -> Result<(&str, Option<u32>)> {
    let Some((name, version)) = what.split_once('@') else { return Ok((what, None)) };
    let version = version.parse().map_err(|_| {
        let message = format!("`{version}` is no version; write it like `{name}@2`");
        Problem::usage(message)
    })?;
    Ok((name, Some(version)))
}

/// The workflow of a file, or one that was loaded before.
pub(super) async fn found(
    what: &str,
    name: Option<&str>,
    session: &Session,
) -> Result<Declaration> {
    if is_file(what) {
        let tasks = tasks::known(session).await?;
        return chosen(read(&[PathBuf::from(what)], &tasks, session)?, name);
    }
    if let Some(name) = name {
        let message = format!("`{what}` is no file, so `{name}` can't be a workflow in it");
        return Err(Problem::usage(message).hint("a file ends in .toml, .yaml or .yml"));
    }
    session.needs_used_broker("no workflow was loaded")?;
    let (name, version) = name_and_version(what)?;
    Ok(session.app.declared_workflow(name, version).await?)
}

fn chosen(mut declared: Vec<Declaration>, name: Option<&str>) -> Result<Declaration> {
    let names = declared.iter().map(|one| format!("`{}`", one.name()));
    let names = names.collect::<Vec<_>>().join(", ");
    let Some(asked) = name else {
        return match declared.len() {
            1 => Ok(declared.remove(0)),
            _ => Err(Problem::usage(format!("the file declares {names}; name one of them"))),
        };
    };
    let (name, version) = name_and_version(asked)?;
    let found = declared.iter().position(|one| {
        one.name() == name && version.is_none_or(|version| one.version() == version)
    });
    match found {
        Some(at) => Ok(declared.swap_remove(at)),
        None => {
            let message = format!("the file declares no `{asked}`, but {names}");
            Err(Problem::new(Exit::NotFound, message))
        }
    }
}
