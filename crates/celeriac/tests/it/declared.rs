//! Declared workflows: what is wrong is told with its place; what is right runs.

use celeriac::canvas::Settled;
use celeriac::declared::{Declaration, DeclarationError, Document, Mistake};
use celeriac::schemars::JsonSchema;
use celeriac::{App, MessageId, workflow};
use celeriac_testkit::probe::within;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::fixture::app;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "celeriac::schemars")]
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

/// What is declared in TOML, or all that is wrong.
fn parse(app: &App, text: &str) -> Result<Vec<Declaration>, Vec<Mistake>> {
    app.check_workflows(&Document::toml("test.toml", text)).map_err(mistakes)
}

fn mistakes(error: DeclarationError) -> Vec<Mistake> {
    match error {
        DeclarationError::Mistakes { mistakes, .. } => mistakes,
        other => panic!("{other}"),
    }
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
    let declared = parse(&app, NIGHTLY).unwrap();
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
    let mistakes = parse(&registered(), text).unwrap_err();
    let line = |mistake: &Mistake| {
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
        ("[workflow.w]\nversion = 0\nstep = []", "2:11: `version` is a whole number"),
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
        (r#"{ id = "a", task = "etl.extract", on_error = "settl" }"#, "`settl` is no policy"),
        (r#"{ id = "a", task = 1 }"#, "4:20: `task` is a number; it must be a text"),
        (r#"{ id = "a" }"#, "4:1: this step has no `task`"),
    ];
    for (step, expected) in cases {
        let told = wrong(&steps(step));
        assert!(told.iter().any(|told| told.contains(expected)), "{step}: {told:?}");
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
    let declared: Vec<Declaration> = parse(&App::memory(), &text).unwrap();
    let data = serde_json::to_value(declared[0].canvas()).unwrap();
    let stages = data["shape"]["dag"]["stages"].as_array().unwrap();
    let needs: Vec<_> = stages.iter().map(|stage| stage["needs"].to_string()).collect();
    assert_eq!(needs, ["[]", "[\"a\"]", "[\"a\"]", "[\"b\",\"c\"]"]);
}

#[test]
fn a_file_is_named_with_its_mistakes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("{}.toml", MessageId::new()));
    let missing = Document::read(&file).unwrap_err();
    assert!(matches!(missing, DeclarationError::File { .. }), "{missing}");
    let json = Document::read(directory.path().join("w.json")).unwrap_err();
    assert!(json.to_string().contains("must end in .toml, .yaml or .yml"), "{json}");
    std::fs::write(&file, "[workflow.w]\nversion = 1\n").unwrap();
    let told = registered().check_workflows(&Document::read(&file).unwrap()).unwrap_err();
    assert_eq!(
        told.to_string(),
        format!("{}:1:11: `w` has no steps; add `[[workflow.w.step]]`", file.display())
    );
    std::fs::write(&file, NIGHTLY).unwrap();
    let document = Document::read(&file).unwrap();
    assert_eq!(registered().check_workflows(&document).unwrap().len(), 1);
}

const NIGHTLY_YAML: &str = r#"
workflow:
  nightly:
    version: 3
    steps:
      - {id: extract, task: etl.extract, args: [3]}
      - id: load
        needs: [extract]
        task: etl.load
        foreach: $.extract.files
        on_error: settle
        args: {to: /data}
      - id: report
        needs: [load]
        task: etl.report
        queue: default
        time_limit: 30s
      - id: check
        needs: [extract]
        task: etl.check
        when: $.extract.count >= 3
        args: [2]
      - {id: end, needs: [report, check], task: etl.end}
"#;

#[test]
fn three_forms_are_one_model() {
    let app = registered();
    let yaml = Document::yaml("nightly.yaml", NIGHTLY_YAML);
    let written = workflow! {
        name: "nightly",
        version: 3,
        step extract: extract { args: [3] },
        step load: load {
            needs: [extract],
            foreach: extract.files,
            on_error: settle,
            args: { to: "/data" },
        },
        step report: "etl.report" { needs: [load], queue: "default", time_limit: "30s" },
        step check: check { needs: [extract], when: extract.count >= 3, args: [2] },
        step end: end { needs: [report, check] },
    };
    let toml = parse(&app, NIGHTLY).unwrap();
    assert_eq!(app.check_workflows(&yaml).unwrap(), toml);
    assert_eq!(app.check_workflows(&written).unwrap(), toml);
}

#[test]
fn what_a_program_declares_wrong_is_told_with_its_place_in_the_source() {
    let document = workflow! {
        name: "w", version: 1,
        step extract: extract { args: ["three"] }, // Here.
    };
    let line = line!() - 2;
    let told = registered().check_workflows(&document).unwrap_err().to_string();
    assert!(told.contains(&format!("declared.rs:{line}:")), "{told}");
    assert!(told.contains("this is a text; it must be a whole number"), "{told}");
}

#[test]
fn types_are_checked_between_steps() {
    let extract = r#"{ id = "e", task = "etl.extract", args = [3] },"#;
    let cases = [
        (r#"args = ["x"]"#, "etl.extract", "this is a text; it must be a whole number"),
        (r#"args = [-1]"#, "etl.extract", "-1 is not taken; it must be at least 0"),
        (r#"needs = ["e"], args = ["$.e.files"]"#, "etl.extract", "$.e.files: a list (of a text)"),
        (r#"needs = ["e"], args = ["$.e.fils"]"#, "etl.extract", "did you mean `files`"),
        (r#"needs = ["e"], foreach = "$.e.count""#, "etl.extract", "`foreach` goes over a list"),
        (r#"needs = ["e"], foreach = "$.e.files""#, "etl.extract", "does not fit `count`"),
        (
            r#"needs = ["e"], when = "$.e.x > 1", args = [1], immutable = true"#,
            "etl.extract",
            "there is no `x`",
        ),
        (r#"needs = ["e"]"#, "etl.extract", "what comes in does not fit `count`"),
        (
            r#"args = { found = { files = [], cout = 1 }, least = 1 }"#,
            "etl.check",
            "unknown field `cout`; did you mean `count`?",
        ),
        (
            r#"args = [{ files = [1], count = 1 }, 1]"#,
            "etl.check",
            "this is a number; it must be a text",
        ),
        (r#"args = [{ files = [] }, 1]"#, "etl.check", "the field `count` is missing"),
        (r#"needs = ["e"], args = []"#, "etl.check", "lacks its argument `least`"),
    ];
    for (rest, task, expected) in cases {
        let step = format!("{extract}\n{{ id = \"s\", task = \"{task}\", {rest} }}");
        let told = wrong(&steps(&step));
        let is_it = |told: &String| told.starts_with("5:") && told.contains(expected);
        assert!(told.iter().any(is_it), "{rest}: {told:?}");
    }
    let right = [
        (r#"needs = ["e"], args = ["$.e", "$.e.count"]"#, "etl.check"),
        (r#"needs = ["e"], args = [1]"#, "etl.check"),
        (r#"needs = ["e"], args = { file = "$.e.files[0]", to = "$$.literal" }"#, "etl.load"),
        (
            r#"needs = ["e"], foreach = "$.e.files", args = ["x"], on_error = "fail_fast""#,
            "etl.load",
        ),
    ];
    for (rest, task) in right {
        let step = format!("{extract}\n{{ id = \"s\", task = \"{task}\", {rest} }}");
        let told = parse(&registered(), &steps(&step));
        assert!(told.is_ok(), "{rest}: {told:?}");
    }
}

#[test]
fn options_are_read_and_checked() {
    let step = r#"{ id = "a", task = "x", retry = { max = 3, backoff = "1s..10s" },
        headers = { tenant = "t1" }, sinks = ["audit"], concurrency_token = "t",
        link = ["y", { task = "z", args = [1], queue = "q" }], link_error = "alarm" }"#;
    let step = step.replace('\n', " ");
    let declared = parse(&App::memory(), &steps(&step)).unwrap();
    let data = serde_json::to_value(declared[0].canvas()).unwrap();
    let canvas = &data["shape"]["dag"]["stages"][0]["canvas"];
    let options = &canvas["shape"]["task"]["options"];
    assert_eq!(options["retry"], json!({"max_attempts": 3, "initial_ms": 1000, "cap_ms": 10_000}));
    assert_eq!(
        (&options["headers"], &options["sinks"]),
        (&json!({"tenant": "t1"}), &json!(["audit"]))
    );
    assert_eq!(canvas["link"][1]["options"]["queue"], "q");
    assert_eq!(canvas["on_error"][0]["task"], "alarm");
    let cases = [
        ("retry = 3", "`retry` is false, or a table"),
        ("retry = { tries = 3 }", "unknown key `tries`"),
        (r#"retry = { backoff = "10s..1s" }"#, "`backoff` is the first and the longest"),
        (r#"sinks = "audit""#, "must be a list of texts"),
        ("headers = [1]", "must be a table"),
        ("link = [1]", "a task's name"),
        ("link = { args = [] }", "`link` has no `task`"),
        (r#"time_limit = "1s", soft_time_limit = "2s""#, "make it the shorter one"),
        (r#"on_error = "fail_fast""#, "is for a step with `foreach`"),
        (r#"on_error = "alarm""#, "goes to `link_error`"),
        ("immutable = 1", "`immutable` is true or false"),
        (r#"args = ["$.b.c"]"#, "refers to nothing"),
    ];
    for (rest, expected) in cases {
        let told = wrong(&steps(&format!("{{ id = \"a\", task = \"etl.end\", {rest} }}")));
        assert!(told.iter().any(|told| told.contains(expected)), "{rest}: {told:?}");
    }
    let told = wrong(&steps(r#"{ id = "a", task = "etl.end", link = "etl.lod" }"#));
    assert!(told.iter().any(|told| told.contains("did you mean `etl.load`")), "{told:?}");
}

#[tokio::test]
async fn steps_that_cross_run_and_settle() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();
    let document = workflow! {
        name: "crossing", version: 1,
        step a: extract { args: [2] },
        step b: extract { args: [3] },
        step c: check { needs: [a], args: [2] },
        step d: load { needs: [a, b], args: [a.files[1], b.files[2]], on_error: settle },
        step e: end { needs: [c, d] },
    };
    let declared = app.load_workflows(&document).await.unwrap();
    let run = app.run_workflow(&declared[0]).await.unwrap();
    let result = within("the end", run.get()).await.unwrap();
    assert_eq!(result["c"], true);
    assert_eq!(result["d"]["error"]["failure"]["message"], "bad file", "{result}");
    let progress = run.progress().await.unwrap();
    assert_eq!((progress.done, progress.total, progress.failed), (5, 5, 1));
    assert!(progress.nodes.iter().any(|node| node.path == "dag[d]"), "{progress:?}");
    worker.stop().await;
}

#[tokio::test]
async fn a_version_never_changes() {
    let app = registered();
    let version = |version: u32, least: u32| {
        let text = steps(&format!(r#"{{ id = "a", task = "etl.extract", args = [{least}] }}"#));
        Document::toml("w.toml", &text.replace("version = 1", &format!("version = {version}")))
    };
    for _ in 0..2 {
        app.load_workflows(&version(1, 3)).await.unwrap();
    }
    let spaced = Document::yaml(
        "w.yaml",
        "# The same.\nworkflow: {w: {version: 1, step: [{task: etl.extract, id: a, args: [3]}]}}",
    );
    app.load_workflows(&spaced).await.unwrap();
    let changed = app.load_workflows(&version(1, 4)).await.unwrap_err();
    assert!(matches!(changed, DeclarationError::Changed { version: 1, .. }), "{changed}");
    app.load_workflows(&version(2, 4)).await.unwrap();
    let latest = app.declared_workflow("w", None).await.unwrap();
    assert_eq!(latest.version(), 2);
    let first = app.declared_workflow("w", Some(1)).await.unwrap();
    let worker = app.start_worker().await.unwrap();
    for (declaration, count) in [(&first, 3), (&latest, 4)] {
        let run = app.run_workflow(declaration).await.unwrap();
        let result = within("the end", run.get()).await.unwrap();
        assert_eq!(result["count"], count);
        let record = run.record().await.unwrap().unwrap();
        assert_eq!(record.workflow.version, declaration.version());
    }
    let unknown = app.declared_workflow("w", Some(7)).await.unwrap_err().to_string();
    assert_eq!(unknown, "no workflow `w@7` was loaded; there is w@1, w@2");
    worker.stop().await;
}

#[path = "../../../../examples/workflow/tasks.rs"]
mod example;

#[tokio::test]
async fn the_example_gives_what_it_says_in_both_formats() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/workflow/nightly");
    let app = example::registered(app());
    let worker = app.start_worker().await.unwrap();
    let mut declared = Vec::new();
    for end in ["toml", "yaml"] {
        let document = Document::read(format!("{folder}.{end}")).unwrap();
        declared.extend(app.load_workflows(&document).await.unwrap());
    }
    assert_eq!(declared[0], declared[1]);
    let run = app.run_workflow(&declared[0]).await.unwrap();
    let result = within("the report", run.get()).await.unwrap();
    let expected = "2026-11-21: 3 charged, 1 refused, 8750 cents, kept in /archive/4.json";
    assert_eq!(result, expected);
    worker.stop().await;
}
