//! `celeriac inspect actors`: the live tree of each worker's actors.

mod watch;

use std::time::Duration;

use celeriac::Question;
use serde::Serialize;
use serde_json::Value;

use crate::commands::inspect::{Answer, ask, some};
use crate::output::View;
use crate::problem::Result;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac inspect actors                        the tree of each worker
  celeriac inspect actors --watch                refreshed each second, until Ctrl-C
  celeriac inspect actors --watch --interval 5s | tee log
  celeriac inspect actors --mermaid > actors.mmd   a drawing, with dependencies dashed
  celeriac --json inspect actors                 all that is known of each, for programs

States:
  healthy, degraded, unhealthy  it runs; degraded: something that it can do without is
                                missing or fails; unhealthy: what it is there for fails
  paused                        it runs, but takes no messages
  initialized, starting         it waits for its dependencies or resources
  crashed                       it is about to start again, or has given up
  stopping, stopped             it ends

Columns:
  MAILBOX    messages that wait, of how many there is room for; +N: so many more are
             put aside until the actor is in a state for them
  PROCESSED  messages it has worked on
  RESTARTS   how often it was started again after a crash
  BUSY       the time it has spent on messages";

const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// Show the parts of each worker as a tree: their states, mailboxes and restarts.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ActorsArgs {
    /// Show it again and again until Ctrl-C, with the time of each look: in place on
    /// a terminal, one after the other elsewhere; with --json one line each.
    #[arg(long, conflicts_with = "mermaid")]
    pub(crate) watch: bool,
    /// The time between two looks.
    #[arg(long, requires = "watch", value_name = "DURATION", default_value = "1s")]
    #[arg(value_parser = interval)]
    interval: Duration,
    /// Print a Mermaid flowchart.
    #[arg(long)]
    mermaid: bool,
}

/// Not nothing: each look asks every worker.
fn interval(text: &str) -> std::result::Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match interval < SHORTEST_INTERVAL {
        true => Err(format!("the shortest interval is {SHORTEST_INTERVAL:?}")),
        false => Ok(interval),
    }
}

pub(crate) async fn run(args: &ActorsArgs, session: &Session) -> Result<()> {
    if args.watch {
        return watch::watch(args.interval, session).await;
    }
    if args.mermaid {
        let answers = some(ask(Question::Drawing, session).await?)?;
        return session.output.show(&Drawings(answers));
    }
    let answers = some(ask(Question::Actors, session).await?)?;
    session.output.show(&Trees(answers))
}

#[derive(Serialize)]
#[serde(transparent)]
struct Drawings(Vec<Answer>);

impl View for Drawings {
    fn text(&self) -> String {
        let drawings = self.0.iter().filter_map(|answer| {
            let drawing = answer.answer.as_ref()?.as_str()?.trim_end();
            Some(format!("%% {}\n{drawing}", answer.worker))
        });
        drawings.collect::<Vec<_>>().join("\n\n")
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Trees(Vec<Answer>);

impl View for Trees {
    fn text(&self) -> String {
        if self.0.is_empty() {
            return "No worker answers.".to_owned();
        }
        let tree = |answer: &Answer| match answer.answer.as_ref().and_then(Value::as_array) {
            Some(actors) => format!("{}\n{}", answer.worker, grid(&rows(actors))),
            None => format!("{}\n(no answer)", answer.worker),
        };
        self.0.iter().map(tree).collect::<Vec<_>>().join("\n\n")
    }
}

const HEADS: [&str; 6] = ["ACTOR", "STATE", "MAILBOX", "PROCESSED", "RESTARTS", "BUSY"];
/// The first columns are texts, the others numbers.
const TEXTS: usize = 2;

type Row = [String; HEADS.len()];

/// A row for each actor, each after its parent.
fn rows(actors: &[Value]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(actors.len());
    let is_there = |path: &str| actors.iter().any(|other| path_of(other) == path);
    for actor in actors {
        let parent = path_of(actor).rsplit_once('/').map(|(parent, _)| parent);
        if !parent.is_some_and(is_there) {
            add(actors, actor, path_of(actor), 0, &mut rows);
        }
    }
    rows
}

fn add(actors: &[Value], actor: &Value, name: &str, depth: usize, rows: &mut Vec<Row>) {
    rows.push(row(actor, format!("{}{name}", "  ".repeat(depth))));
    let path = path_of(actor);
    for child in actors {
        if let Some((parent, name)) = path_of(child).rsplit_once('/')
            && parent == path
        {
            add(actors, child, name, depth + 1, rows);
        }
    }
}

fn path_of(actor: &Value) -> &str {
    actor["path"].as_str().unwrap_or_default()
}

fn row(actor: &Value, name: String) -> Row {
    let state = short(actor["state"].as_str().unwrap_or("?"));
    let state = match actor["restart"].as_str() {
        Some(restart) if restart.starts_with("restarting") => format!("{state} (restarting)"),
        _ => state.to_owned(),
    };
    let mailbox = match actor["mailbox_capacity"].as_u64() {
        Some(capacity) => format!("{}/{capacity}", actor["mailbox_depth"]),
        None => actor["mailbox_depth"].to_string(),
    };
    let mailbox = match actor["stashed"].as_u64() {
        None | Some(0) => mailbox,
        Some(stashed) => format!("{mailbox} +{stashed}"),
    };
    let seconds = actor["busy"]["secs"].as_u64().unwrap_or_default();
    let nanos = actor["busy"]["nanos"].as_u64().unwrap_or_default();
    let busy = busy(Duration::from_secs(seconds) + Duration::from_nanos(nanos));
    [name, state, mailbox, actor["processed"].to_string(), actor["restarts"].to_string(), busy]
}

/// The part of a state that says most: how it runs, or else which phase it is in.
fn short(state: &str) -> &str {
    match state.strip_prefix("started.") {
        Some(running) => running.rsplit('.').next().unwrap_or(running),
        None => state.split('.').next().unwrap_or(state),
    }
}

/// A time in three digits or so.
fn busy(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 60.0 => {
            humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
        }
        seconds if seconds >= 1.0 => format!("{seconds:.1}s"),
        seconds => format!("{:.1}ms", seconds * 1e3),
    }
}

/// Aligned columns under their heads. Keeps the blanks that show the depth.
fn grid(rows: &[Row]) -> String {
    let cells = |at: usize| rows.iter().map(move |row| row[at].chars().count());
    let widths: Vec<usize> =
        (0..HEADS.len()).map(|at| cells(at).max().unwrap_or(0).max(HEADS[at].len())).collect();
    let line = |row: [&str; HEADS.len()]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
            0..TEXTS => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let heads = std::iter::once(line(HEADS));
    let lines = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    heads.chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(path: &str, processed: u64) -> Value {
        serde_json::json!({
            "path": path, "state": "started.running.healthy", "restart": "ignore", "mailbox_depth": 1,
            "mailbox_capacity": null, "processed": processed, "restarts": 0,
            "busy": {"secs": 0, "nanos": 1_250_000},
        })
    }

    #[test]
    fn children_stand_under_their_parents() {
        let actors = [actor("node", 7), actor("router", 1000), actor("node/inbox", 2)];
        let expected = "\
ACTOR    STATE    MAILBOX  PROCESSED  RESTARTS   BUSY
node     healthy        1          7         0  1.2ms
  inbox  healthy        1          2         0  1.2ms
router   healthy        1       1000         0  1.2ms";
        assert_eq!(grid(&rows(&actors)), expected);
    }

    #[test]
    fn an_orphan_and_a_restart_are_shown_as_they_are() {
        let mut orphan = actor("gone/child", 0);
        orphan["restart"] = "restarting.starting".into();
        orphan["mailbox_capacity"] = 8.into();
        orphan["stashed"] = 3.into();
        let [name, state, mailbox, ..] = rows(&[orphan]).remove(0);
        assert_eq!([name, state, mailbox], ["gone/child", "healthy (restarting)", "1/8 +3"]);
    }

    #[test]
    fn states_are_short() {
        let states = [
            ("started.running.degraded", "degraded"),
            ("started.paused", "paused"),
            ("starting.resources_acquired", "starting"),
            ("crashed", "crashed"),
        ];
        for (state, expected) in states {
            assert_eq!(short(state), expected);
        }
    }

    #[test]
    fn times() {
        let times = [(0, "0.0ms"), (15_300, "15.3ms"), (2_500_000, "2.5s"), (65_000_000, "1m 5s")];
        for (micros, expected) in times {
            assert_eq!(busy(Duration::from_micros(micros)), expected);
        }
    }
}
