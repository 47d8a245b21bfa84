//! `celeriac queues`: what waits where.

use celeriac::{Moved, QueueName, QueueStats};
use serde::Serialize;

use crate::output::{Table, View};
use crate::problem::Result;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac queues list
  celeriac --json queues list | jq '.[] | select(.ready > 1000)'
  celeriac queues purge mail
  celeriac queues move mail --from default --to eu";

/// List queues, empty them, and move them to another broker.
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
    /// Move what waits in a queue from one broker to another; what runs stays.
    ///
    /// Nothing is lost: a message leaves one broker when the other has it. After
    /// a kill, call it again to go on: at most one batch is then on both.
    Move {
        /// The queue.
        queue: String,
        /// The broker it is on: `default`, or one of `[brokers.NAME]`.
        #[arg(long, value_name = "BROKER")]
        from: String,
        /// The broker it is to be on.
        #[arg(long, value_name = "BROKER")]
        to: String,
    },
}

impl QueuesCommand {
    /// What a person must agree to first.
    pub(crate) fn question(&self) -> Option<String> {
        match self {
            Self::Purge { queue, yes: false } => {
                Some(format!("Discard all messages that wait in `{queue}`?"))
            }
            Self::List | Self::Purge { .. } | Self::Move { .. } => None,
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

#[derive(Serialize)]
struct Move<'a> {
    queue: &'a str,
    from: &'a str,
    to: &'a str,
    moved: u64,
    waiting: u64,
    unreadable: u64,
}

impl View for Move<'_> {
    fn text(&self) -> String {
        let Self { queue, from, to, moved, .. } = self;
        format!("moved from `{from}` to `{to}`, of `{queue}`: {moved}")
    }
}

async fn move_queue(queue: &str, from: &str, to: &str, session: &Session) -> Result<()> {
    let name = QueueName::from(queue);
    let output = &session.output;
    let told = |moved: Moved| {
        output.note(&format!("{} moved, {} wait", moved.moved, moved.waiting));
    };
    let Moved { moved, waiting, unreadable } =
        session.app.move_queue(&name, from, to, told).await?;
    output.show(&Move { queue, from, to, moved, waiting, unreadable })?;
    if unreadable > 0 {
        output.note(&format!("{unreadable} can't be read, and stay on `{from}`"));
    }
    // Routes say where the queue's next messages go.
    let goes_to = session.app.config().brokers_of(&name).join(", ");
    if goes_to.split(", ").next().is_none_or(|first| first != to) {
        output.note(&format!(
            "what is sent to `{queue}` still goes to {goes_to}: a route with queue = \"{queue}\" \
             and brokers = [\"{to}\"] changes that"
        ));
    }
    Ok(())
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
        QueuesCommand::Move { queue, from, to } => move_queue(queue, from, to, session).await,
    }
}
