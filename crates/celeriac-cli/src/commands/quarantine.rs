//! `celeriac quarantine`: what could not be worked on, and what to do with it.

use celeriac::{Content, Filter, MessageId, Quarantined, QueueName, Reason};
use celeriac_core::Name;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde::Serialize;

use crate::output::{Table, View, pairs};
use crate::problem::{Exit, Problem, Result};
use crate::session::Session;

/// How many are listed, or taken at once.
const PAGE: usize = 1000;

const EXAMPLES: &str = "\
Examples:
  celeriac quarantine list --reason retries_exhausted
  celeriac quarantine show 0198c2a0-1b2c-7d3e-8f40-123456789abc
  celeriac quarantine requeue --task mail.welcome      after the bug was mended
  celeriac quarantine discard --queue old --yes";

/// See what could not be worked on; send it again, or throw it away.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum QuarantineCommand {
    /// List what is in quarantine.
    List {
        #[command(flatten)]
        which: Which,
        /// How many at the most.
        #[arg(long, value_name = "N", default_value_t = 100)]
        max: usize,
    },
    /// Show one message: its arguments, and why it is here.
    Show {
        /// Its id.
        id: MessageId,
    },
    /// Send messages again, to the queues they came from.
    Requeue {
        /// Their ids; or choose by --task, --queue or --reason.
        ids: Vec<MessageId>,
        #[command(flatten)]
        which: Which,
    },
    /// Throw messages away.
    Discard {
        /// Their ids; or choose by --task, --queue or --reason.
        ids: Vec<MessageId>,
        #[command(flatten)]
        which: Which,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl QuarantineCommand {
    /// What a person must agree to first.
    pub(crate) fn question(&self) -> Option<String> {
        match self {
            Self::Discard { yes: false, .. } => Some("Throw these messages away?".to_owned()),
            _ => None,
        }
    }
}

/// Which messages are meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// Only of this task.
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Only from this queue.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Only for this reason.
    #[arg(long, value_parser = reasons())]
    reason: Option<Reason>,
    /// Only steps of this workflow, and of its parts.
    #[arg(long, value_name = "ID")]
    workflow: Option<MessageId>,
}

fn reasons() -> impl clap::builder::TypedValueParser<Value = Reason> {
    PossibleValuesParser::new(Reason::ALL.map(Reason::as_str)).map(|text| {
        let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == text);
        // The parser lets only names of reasons pass.
        reason.unwrap_or(Reason::Undecodable)
    })
}

impl Which {
    fn filter(&self, ids: &[MessageId]) -> Filter {
        Filter {
            ids: ids.to_vec(),
            name: self.task.as_deref().map(Name::from),
            queue: self.queue.as_deref().map(QueueName::from),
            reason: self.reason,
            workflow: self.workflow,
            after: None,
        }
    }

    const fn is_everything(&self) -> bool {
        self.task.is_none()
            && self.queue.is_none()
            && self.reason.is_none()
            && self.workflow.is_none()
    }
}

/// One message in quarantine.
#[derive(Debug, Serialize)]
struct Held {
    id: MessageId,
    task: Option<String>,
    queue: String,
    reason: Reason,
    failure: String,
    at: String,
    /// Which one it was in; the first is 1.
    attempt: Option<u32>,
    deaths: u32,
    body: String,
}

impl From<&Quarantined> for Held {
    fn from(quarantined: &Quarantined) -> Self {
        let content = &quarantined.content;
        let (attempt, body) = match content {
            Content::Message(message) => (Some(message.attempt + 1), &message.body),
            Content::Undecodable(undecodable) => (None, &undecodable.raw),
        };
        Self {
            id: content.id(),
            task: content.name().map(ToString::to_string),
            queue: content.queue().to_string(),
            reason: quarantined.reason,
            failure: quarantined.failure.to_string(),
            at: quarantined.at.to_string(),
            attempt,
            deaths: quarantined.deaths,
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }
}

impl View for Held {
    fn text(&self) -> String {
        pairs([
            ("id", self.id.to_string()),
            ("task", self.task.clone().unwrap_or_default()),
            ("queue", self.queue.clone()),
            ("reason", self.reason.to_string()),
            ("failure", self.failure.clone()),
            ("since", self.at.clone()),
            ("attempts", self.attempt.map(|n| n.to_string()).unwrap_or_default()),
            ("deaths", self.deaths.to_string()),
            ("body", self.body.clone()),
        ])
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<Held>);

impl View for Listed {
    fn text(&self) -> String {
        let mut table = Table::new(["ID", "TASK", "QUEUE", "REASON", "FAILURE", "SINCE"]);
        for held in &self.0 {
            table.row([
                held.id.to_string(),
                held.task.clone().unwrap_or_else(|| "-".to_owned()),
                held.queue.clone(),
                held.reason.to_string(),
                held.failure.clone(),
                held.at.clone(),
            ]);
        }
        table.or("Quarantine is empty.")
    }
}

#[derive(Serialize)]
struct Moved {
    #[serde(skip)]
    how: &'static str,
    count: u64,
}

impl View for Moved {
    fn text(&self) -> String {
        format!("{}: {}", self.how, self.count)
    }
}

pub(crate) async fn run(command: &QuarantineCommand, session: &Session) -> Result<()> {
    session.needs_used_broker("no quarantine to see")?;
    match command {
        QuarantineCommand::List { which, max } => {
            let found = session.app.quarantined(&which.filter(&[]), *max).await?;
            session.output.show(&Listed(found.iter().map(Held::from).collect()))
        }
        QuarantineCommand::Show { id } => show(*id, session).await,
        QuarantineCommand::Requeue { ids, which } => {
            let ids = chosen(ids, which, session).await?;
            for id in &ids {
                session.app.requeue(*id).await?;
            }
            session.output.show(&Moved { how: "sent again", count: ids.len() as u64 })
        }
        QuarantineCommand::Discard { ids, which, .. } => {
            let ids = chosen(ids, which, session).await?;
            let count = session.app.discard(&ids).await?;
            session.output.show(&Moved { how: "threw away", count })
        }
    }
}

async fn show(id: MessageId, session: &Session) -> Result<()> {
    let filter = Filter { ids: vec![id], ..Filter::default() };
    let found = session.app.quarantined(&filter, 1).await?;
    match found.first() {
        Some(quarantined) => session.output.show(&Held::from(quarantined)),
        None => Err(none()),
    }
}

/// The ids that are meant, at most [`PAGE`] if they are chosen by a filter.
async fn chosen(ids: &[MessageId], which: &Which, session: &Session) -> Result<Vec<MessageId>> {
    if ids.is_empty() && which.is_everything() {
        return Err(Problem::usage("which messages?")
            .hint("give ids, or choose by --task, --queue or --reason"));
    }
    let found = session.app.quarantined(&which.filter(ids), PAGE.max(ids.len())).await?;
    if found.is_empty() {
        return Err(none());
    }
    Ok(found.iter().map(|quarantined| quarantined.content.id()).collect())
}

fn none() -> Problem {
    Problem::new(Exit::NotFound, "no such message is in quarantine")
        .hint("`celeriac quarantine list` shows what is")
}
