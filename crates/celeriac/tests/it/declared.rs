//! Declared workflows: what is wrong is told with its place; what is right runs.

use celeriac::canvas::Settled;
use celeriac::declared::{Declaration, DeclarationError};
use celeriac::{App, MessageId};
use celeriac_testkit::probe::within;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::fixture::app;

#[derive(Debug, Serialize, Deserialize)]
struct Found {
    files: Vec<String>,
    count: u32,
}

#[celeriac::task(name = "etl.extract")]
async fn extract(count: u32) -> Found {
    Found { files: (0..count).map(|n| format!("f{n}")).collect(), count }
}

#[celeriac::task(name = "etl.load", retry = false)]
async fn load(file: String, to: String) -> Result<String, std::io::Error> {
    if file == "f1" { Err(std::io::Error::other("bad file")) } else { Ok(format!("{to}/{file}")) }
}

#[celeriac::task(name = "etl.report")]
async fn report(loaded: Vec<Settled<String>>) -> usize {
    loaded.into_iter().filter(|one| matches!(one, Settled::Value(_))).count()
}

#[celeriac::task(name = "etl.check")]
async fn check(found: Found, least: u32) -> bool {
    found.count >= least
}

#[celeriac::task(name = "etl.end")]
async fn end(all: BTreeMap<String, Value>) -> Value {
    json!(all)
}

fn registered() -> App {
    app().register(extract).register(load).register(report).register(check).register(end)
}

const NIGHTLY: &str = r#"
[workflow.nightly]
version = 3

[[workflow.nightly.step]]
id = "extract"
task = "etl.extract"
args = [3]

[[workflow.nightly.step]]
id = "load"
needs = ["extract"]
task = "etl.load"
foreach = "$.extract.files"
on_error = "settle"
args = { to = "/data" }

[[workflow.nightly.step]]
id = "report"
needs = ["load"]
task = "etl.report"
queue = "default"
time_limit = "30s"

[[workflow.nightly.step]]
id = "check"
needs = ["extract"]
task = "etl.check"
when = "$.extract.count >= 3"
args = [2]

[[workflow.nightly.step]]
id = "end"
needs = ["report", "check"]
task = "etl.end"
"#;

#[tokio::test]
async fn a_declared_workflow_runs_as_it_was_declared() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();
    let declared = app.parse_workflows(NIGHTLY).unwrap();
    let nightly = &declared[0];
    assert_eq!((nightly.name(), nightly.version()), ("nightly", 3));
    let run = app.run_workflow(nightly).await.unwrap();
    let result = within("the end", run.get()).await.unwrap();
    assert_eq!(result, json!({"report": 2, "check": true}));
    let record = run.record().await.unwrap().unwrap();
    assert_eq!((record.workflow.name.as_str(), record.workflow.version), ("nightly", 3));
    worker.stop().await;
}

fn wrong(text: &str) -> Vec<String> {
    let mistakes = registered().parse_workflows(text).unwrap_err();
    let line = |mistake: &celeriac::declared::Mistake| {
        format!("{}:{}: {}", mistake.line(), mistake.column(), mistake.message())
    };
    mistakes.iter().map(line).collect()
}

fn steps(steps: &str) -> String {
    format!("[workflow.w]\nversion = 1\nstep = [\n{steps}\n]\n")
}

#[test]
fn mistakes_are_told_with_line_and_column() {
    let cases = [
        ("[workflow.w]\nversion = = 1", "2:11: "),
        ("x = 1", "no workflow is here"),
        ("[workflow.w]\nversion = 0\nstep = []", "2:11: a version is a whole number"),
        ("[workflow.w]\nvresion = 1", "2:1: unknown key `vresion`; did you mean `version`?"),
    ];
    for (text, expected) in cases {
        let told = wrong(text);
        assert!(
            told.iter().any(|line| line.starts_with(expected) || line.contains(expected)),
            "{text}: {told:?}"
        );
    }
    let cases = [
        (r#"{ id = "a", task = "etl.extrat" }"#, "4:20: unknown task `etl.extrat`; did you mean"),
        (r#"{ id = "a", task = "etl.extract", args = [1, 2] }"#, "gets 2 arguments"),
        (r#"{ id = "a", task = "etl.extract", args = { n = 1 } }"#, "no more argument `n`"),
        (r#"{ id = "a", task = "etl.extract", needs = ["b"] }"#, "4:44: unknown step `b`"),
        (r#"{ id = "a", task = "etl.extract", needs = ["a"] }"#, "a cycle: a → a"),
        (r#"{ id = "a", task = "etl.extract", when = "$.b > 1" }"#, "refers to nothing"),
        (r#"{ id = "a", task = "etl.extract", priority = 10 }"#, "from 0 to 9"),
        (r#"{ id = "a", task = "etl.extract", expires = "soon" }"#, "4:45: `expires` is no"),
        (r#"{ id = "a", task = "etl.extract", on_error = "settle" }"#, "this step has none"),
        (r#"{ id = "a", task = 1 }"#, "4:20: `task` is a number; it must be a text"),
        (r#"{ id = "a" }"#, "4:1: this step has no `task`"),
    ];
    for (step, expected) in cases {
        let told = wrong(&steps(step));
        assert!(told[0].contains(expected), "{step}: {told:?}");
    }
}

#[test]
fn steps_are_checked_together() {
    let step = |id: &str, needs: &str| {
        format!("{{ id = \"{id}\", task = \"etl.end\", needs = [{needs}] }},\n")
    };
    let cycle = [step("a", "\"c\""), step("b", "\"a\""), step("c", "\"b\"")].concat();
    let told = wrong(&steps(&cycle));
    assert_eq!(told, ["4:8: a cycle: a → c → b → a"]);
    let twice = [step("a", ""), step("a", "")].concat();
    assert!(wrong(&steps(&twice))[0].starts_with("5:8: two steps have the id `a`"));
    let crossing =
        [step("a", ""), step("b", ""), step("c", "\"a\""), step("d", "\"a\", \"b\"")].concat();
    assert!(wrong(&steps(&crossing))[0].contains("need different ones of the same steps"));
    let many = "{ id = \"a\", task = \"x\" },\n{ id = \"b\", task = \"y\" },";
    assert_eq!(wrong(&steps(many)).len(), 2);
}

#[test]
fn independent_steps_run_at_once() {
    let text = steps(
        "{ id = \"a\", task = \"x\" },\n{ id = \"b\", task = \"y\", needs = [\"a\"] },\n\
         { id = \"c\", task = \"y\", needs = [\"a\"] },\n\
         { id = \"d\", task = \"z\", needs = [\"b\", \"c\"] }",
    );
    // An app that knows no tasks takes every name.
    let declared: Vec<Declaration> = App::memory().parse_workflows(&text).unwrap();
    let data = serde_json::to_value(declared[0].canvas()).unwrap();
    let chain = data["shape"]["chain"].as_array().unwrap();
    assert_eq!(chain.len(), 3);
    let branches = &chain[1]["shape"]["fork"]["branches"];
    assert_eq!((&branches[0][0], &branches[1][0]), (&json!("b"), &json!("c")));
}

#[test]
fn a_file_is_named_with_its_mistakes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("{}.toml", MessageId::new()));
    let missing = registered().load_workflows(&file).unwrap_err();
    assert!(matches!(missing, DeclarationError::File { .. }), "{missing}");
    std::fs::write(&file, "[workflow.w]\nversion = 1\n").unwrap();
    let told = registered().load_workflows(&file).unwrap_err().to_string();
    assert_eq!(
        told,
        format!("{}:1:11: `w` has no steps; add `[[workflow.w.step]]`", file.display())
    );
    std::fs::write(&file, NIGHTLY).unwrap();
    assert_eq!(registered().load_workflows(&file).unwrap().len(), 1);
}
