//! The live view of a workflow: a table that is drawn again on a terminal, else
//! a line for each node that changes.

use std::io::{self, IsTerminal};

use celeriac::{NodeProgress, WorkflowHandle};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::Value;

use crate::output::{Output, Reader, View};
use crate::problem::Result;

#[derive(Debug, Serialize)]
struct Changed(NodeProgress);

impl View for Changed {
    fn text(&self) -> String {
        let NodeProgress { path, name, status, done, total, .. } = &self.0;
        format!("{status} {done}/{total} {name} at {path}")
    }
}

/// Shows a workflow until it has ended.
pub(super) async fn follow(workflow: &WorkflowHandle<Value>, output: &Output) -> Result<()> {
    let redraws = output.reader() == Reader::Person && io::stdout().is_terminal();
    let mut events = std::pin::pin!(workflow.events());
    let mut drawn = 0;
    while let Some(changed) = events.next().await {
        let changed = changed?;
        if !redraws {
            output.show(&Changed(changed))?;
            continue;
        }
        let table = super::nodes(&workflow.progress().await?.nodes);
        // Back to the table's first line, and away with what was there.
        let back = if drawn > 0 { format!("\x1b[{drawn}A\x1b[J") } else { String::new() };
        output.line(&format!("{back}{table}"))?;
        drawn = table.lines().count();
    }
    Ok(())
}
