//! `celeriac health`: how the workers are, by their checks, circuits and actors.

use celeriac::Question;
use serde::Serialize;
use serde_json::Value;

use crate::commands::inspect::{Answer, ask, some, time};
use crate::output::{Table, View};
use crate::problem::{Problem, Result};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac --broker ./data health
  celeriac --broker ./data health --all      what is well, too
  celeriac --broker ./data --json health | jq '.[].answer.status'

Statuses, from best to worst: healthy, degraded, unhealthy, insecure,
permanently_unavailable. A circuit that is not closed is unhealthy; a finding that is out
of date is at least degraded. The actors that are listed are those that are not well.

Exit codes: 0 when nothing is worse than degraded; 1 when something is, or a worker does
not answer; 3 when there is no worker.";

/// Statuses with which work goes on.
const GOOD_ENOUGH: [&str; 2] = ["healthy", "degraded"];

/// Show how the workers are: checks, circuits, and actors that are not well.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HealthArgs {
    /// Show circuits that are closed, too.
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Healths {
    answers: Vec<Answer>,
    #[serde(skip)]
    all: bool,
}

const HEADS: [&str; 6] = ["WORKER", "WHAT", "NAME", "STATUS", "SINCE", "NOTE"];

impl View for Healths {
    fn text(&self) -> String {
        let mut table = Table::new(HEADS);
        for Answer { worker, answer } in &self.answers {
            let row = |cells: [String; 5]| std::iter::once(worker.clone()).chain(cells);
            let Some(answer) = answer else {
                let silent = ["worker", worker, "unhealthy", "-", "it does not answer"];
                table.row(row(silent.map(str::to_owned)));
                continue;
            };
            table.row(row(["worker", worker, text(&answer["status"]), "-", ""].map(str::to_owned)));
            list(&answer["checks"]).iter().for_each(|check| table.row(row(of_check(check))));
            let circuits = list(&answer["circuits"]).iter();
            circuits
                .filter(|circuit| self.all || circuit["circuit"] != "closed")
                .for_each(|circuit| table.row(row(of_circuit(circuit))));
            list(&answer["actors"]).iter().for_each(|actor| table.row(row(of_actor(actor))));
        }
        table.or("No worker answers.")
    }
}

fn of_check(check: &Value) -> [String; 5] {
    let report = &check["report"];
    let finding = &report["finding"];
    let status = match (&finding["state"], &finding["status"]) {
        (_, Value::Null) => "unknown".to_owned(),
        (Value::String(state), status) => format!("{state} ({})", text(status)),
        (_, _) => text(&check["status"]).to_owned(),
    };
    let note = match (&report["broken"], check["is_out_of_date"].as_bool()) {
        (Value::String(why), _) => format!("the check is broken: {why}"),
        (_, Some(true)) => format!("out of date: {}", text(&finding["note"])),
        _ => text(&finding["note"]).to_owned(),
    };
    let what = match text(&report["scope"]) {
        "global" => "check (global)",
        _ => "check",
    };
    [what.to_owned(), text(&report["name"]).to_owned(), status, time(&report["since"]), note]
}

fn of_circuit(circuit: &Value) -> [String; 5] {
    let until = match &circuit["until"] {
        Value::Null => String::new(),
        until => format!("until {}: ", time(until)),
    };
    [
        format!("circuit ({})", text(&circuit["guards"])),
        text(&circuit["name"]).to_owned(),
        text(&circuit["circuit"]).to_owned(),
        time(&circuit["since"]),
        format!("{until}{}", text(&circuit["why"])),
    ]
}

fn of_actor(actor: &Value) -> [String; 5] {
    let [name, status, crash] = ["path", "status", "crash"].map(|key| text(&actor[key]).to_owned());
    ["actor".to_owned(), name, status, "-".to_owned(), crash]
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_well(answer: &Answer) -> bool {
    let status = answer.answer.as_ref().map(|answer| text(&answer["status"]));
    status.is_some_and(|status| GOOD_ENOUGH.contains(&status))
}

pub(crate) async fn run(args: &HealthArgs, session: &Session) -> Result<()> {
    session.needs_used_broker("no workers to ask")?;
    let answers = some(ask(Question::Health, session).await?)?;
    let ailing: Vec<_> = answers.iter().filter(|answer| !is_well(answer)).collect();
    let names: Vec<_> = ailing.iter().map(|answer| answer.worker.clone()).collect();
    session.output.show(&Healths { answers, all: args.all })?;
    if names.is_empty() {
        return Ok(());
    }
    Err(Problem::failure(format!("not healthy: {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Value {
        serde_json::json!({
            "status": "unhealthy",
            "checks": [
                {"status": "healthy", "is_out_of_date": false, "report": {
                    "name": "broker", "scope": "local", "since": 0,
                    "finding": {"status": "healthy", "note": "answers in 1 ms"}, "broken": null}},
                {"status": "degraded", "is_out_of_date": false, "report": {
                    "name": "replica", "scope": "global", "since": null,
                    "finding": {"status": "degraded", "state": "lagging", "note": "3 s"},
                    "broken": null}},
            ],
            "circuits": [
                {"guards": "task", "name": "mail", "circuit": "open", "until": 1000, "since": 0,
                 "trips": 1, "why": "panic: no"},
                {"guards": "service", "name": "bank", "circuit": "closed", "until": null},
            ],
            "actors": [{"path": "intake", "status": "unhealthy", "crash": null}],
        })
    }

    #[test]
    fn a_table_shows_what_is_not_well_and_why() {
        let answers = vec![Answer { worker: "w1".to_owned(), answer: Some(answer()) }];
        let table = Healths { answers, all: false }.text();
        let expected = "\
WORKER  WHAT            NAME     STATUS              SINCE                     NOTE
w1      worker          w1       unhealthy           -
w1      check           broker   healthy             1970-01-01T00:00:00.000Z  answers in 1 ms
w1      check (global)  replica  lagging (degraded)  -                         3 s
w1      circuit (task)  mail     open                1970-01-01T00:00:00.000Z  until 1970-01-01T00:00:01.000Z: panic: no
w1      actor           intake   unhealthy           -";
        assert_eq!(table, expected);
    }

    #[test]
    fn who_does_not_answer_is_not_well() {
        let answer = |answer| Answer { worker: "w".to_owned(), answer };
        assert!(!is_well(&answer(None)));
        assert!(!is_well(&answer(Some(answer_with("insecure")))));
        assert!(is_well(&answer(Some(answer_with("degraded")))));
    }

    fn answer_with(status: &str) -> Value {
        serde_json::json!({ "status": status })
    }
}
