//! `celeriac queues`: what waits where.

use celeriac::{QueueName, QueueStats};
use serde::Serialize;

use crate::output::{Table, View};
use crate::problem::Result;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac queues list
  celeriac --json queues list | jq '.[] | select(.ready > 1000)'
  celeriac queues purge mail";

/// List queues, and empty them.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum QueuesCommand {
    /// List the queues that hold messages.
    List,
    /// Discard what waits in a queue; what runs goes on.
    Purge {
        /// The queue.
        queue: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl QueuesCommand {
    /// What a person must agree to first.
    pub(crate) fn question(&self) -> Option<String> {
        match self {
            Self::Purge { queue, yes: false } => {
                Some(format!("Discard all messages that wait in `{queue}`?"))
            }
            Self::List | Self::Purge { .. } => None,
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Queues(Vec<QueueStats>);

impl View for Queues {
    fn text(&self) -> String {
        let mut table = Table::new(["QUEUE", "READY", "IN FLIGHT"]).numbers([1, 2]);
        for queue in &self.0 {
            let (ready, in_flight) = (queue.ready.to_string(), queue.in_flight.to_string());
            table.row([queue.name.to_string(), ready, in_flight]);
        }
        table.or("No queue holds messages.")
    }
}

#[derive(Serialize)]
struct Purged<'a> {
    queue: &'a str,
    purged: u64,
}

impl View for Purged<'_> {
    fn text(&self) -> String {
        format!("discarded from `{}`: {}", self.queue, self.purged)
    }
}

pub(crate) async fn run(command: &QueuesCommand, session: &Session) -> Result<()> {
    session.needs_used_broker("no queues to see")?;
    match command {
        QueuesCommand::List => {
            session.output.show(&Queues(session.app.queues().await?))?;
            let waiting = session.app.scheduled().await?;
            if waiting > 0 {
                let text = "wait for their time: countdowns, and retries after a failure";
                session.output.note(&format!("{waiting} more {text}"));
            }
            Ok(())
        }
        QueuesCommand::Purge { queue, .. } => {
            let purged = session.app.purge(&QueueName::from(queue.as_str())).await?;
            session.output.show(&Purged { queue, purged })
        }
    }
}
