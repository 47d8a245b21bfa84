//! Commands that need no broker.

use crate::celeriac::{Called, celeriac, command};

#[test]
fn help_teaches_examples_and_exit_codes() {
    let help = celeriac(&["--help"]);
    assert_eq!(help.exit, 0);
    for expected in ["Examples:", "Exit codes:", "quarantine", "--broker <URL>"] {
        assert!(help.stdout.contains(expected), "{}", help.stdout);
    }
    assert!(celeriac(&["help", "send"]).stdout.contains("celeriac send mail.welcome"));
}

#[test]
fn wrong_command_lines_exit_with_2_and_say_what_is_right() {
    let cases: [(&[&str], &str); 9] = [
        (&["sned"], "similar subcommand exists: 'send'"),
        (&["send", "t", "--args", "{}"], "give a JSON list"),
        (&["send", "t", "--priority", "10"], "0..=9"),
        (&["result", "17"], "an id is a UUID"),
        (&["--broker", "ftp://:pw@x", "queues", "list"], "`ftp://:***@x` is no address; use"),
        (&["--store", "ftp://x", "queues", "list"], "`ftp://x` is no address; use `memory://`"),
        (&["--broker", "memory://", "send", "t"], "name the broker that the workers use"),
        (&["--log", "loud", "config", "check"], "`loud` is no log level"),
        (&["--log", "a=b=c", "config", "check"], "no log level"),
    ];
    for (arguments, expected) in cases {
        let called = celeriac(arguments);
        assert_eq!(called.exit, 2, "{called:?}");
        assert!(called.stderr.contains(expected), "{called:?}");
        assert_eq!(called.stdout, "");
    }
}

#[test]
fn nothing_is_lost_without_asking() {
    let called = celeriac(&["queues", "purge", "mail"]);
    assert_eq!(called.exit, 2);
    assert!(called.stderr.contains("add --yes"), "{called:?}");
}

#[test]
fn programs_read_problems_as_json() {
    let called = celeriac(&["--json", "--broker", "memory://", "queues", "list"]);
    let problem: serde_json::Value = serde_json::from_str(&called.stderr).unwrap();
    assert!(problem["error"].is_string() && problem["hint"].is_string(), "{called:?}");
    let called = celeriac(&["--json", "sned"]);
    let problem: serde_json::Value = serde_json::from_str(&called.stderr).unwrap();
    assert_eq!((called.exit, &problem["error"]), (2, &"unrecognized subcommand 'sned'".into()));
}

#[test]
fn a_look_makes_no_broker() {
    let directory = tempfile::tempdir().unwrap();
    let broker = directory.path().join("typo");
    let called = celeriac(&["--broker", broker.to_str().unwrap(), "queues", "list"]);
    assert!(called.exit == 3 && called.stderr.contains("does not exist"), "{called:?}");
    assert!(!broker.exists());
}

#[test]
fn the_configuration_that_is_shown_can_be_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("celeriac.toml");
    let shown = celeriac(&["--broker", "./x", "config", "show"]);
    std::fs::write(&file, &shown.stdout).unwrap();
    let file = file.to_str().unwrap();
    let checked = celeriac(&["--config", file, "--json", "config", "check"]).json();
    assert_eq!(checked["valid"], true);
    assert_eq!(celeriac(&["--config", file, "config", "show"]).stdout, shown.stdout);
}

#[test]
fn a_missing_configuration_file_is_a_mistake() {
    let called = celeriac(&["--config", "/nowhere/celeriac.toml", "config", "check"]);
    assert_eq!(called.exit, 2);
    assert!(called.stderr.contains("/nowhere/celeriac.toml"), "{called:?}");
}

#[test]
fn mistakes_of_files_and_variables_are_told_at_once_with_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = "[worker]\nconcurency = 8\ngrace = \"soon\"\n";
    std::fs::write(directory.path().join("celeriac.toml"), file).unwrap();
    let mut check = command(&["config", "check"]);
    let check = check.current_dir(directory.path()).env("CELERIAC_WORKER__THREADS", "all");
    let called = Called::from(check.output().unwrap());
    assert_eq!(called.exit, 2);
    for expected in [
        "celeriac.toml:2:1: unknown key `worker.concurency`; did you mean `concurrency`?",
        "celeriac.toml:3:9: worker.grace: \"soon\" is no duration",
        "variable CELERIAC_WORKER__THREADS: \"all\" is no whole number",
    ] {
        assert!(called.stderr.contains(expected), "{called:?}");
    }
}

#[test]
fn flags_win_over_variables_and_those_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("celeriac.toml"), "[worker]\nthreads = 3\n").unwrap();
    let mut show = command(&["--json", "--broker", "./flag", "config", "show"]);
    let show = show.current_dir(directory.path());
    let show = show.env("CELERIAC_BROKER", "./variable").env("CELERIAC_WORKER__QUEUES", "a,b");
    let shown = Called::from(show.output().unwrap()).json();
    assert_eq!(shown["broker"], "./flag");
    assert_eq!(shown["worker"]["threads"], 3);
    assert_eq!(shown["worker"]["queues"], serde_json::json!(["a", "b"]));
}

#[test]
fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let called = celeriac(&["completions", shell]);
        assert!(called.exit == 0 && called.stdout.contains("quarantine"), "{shell}");
    }
}

#[test]
fn a_measurement_counts_every_task() {
    let report = celeriac(&["--json", "bench", "--tasks", "1500", "--payload", "10"]).json();
    assert_eq!(report["completed"], 1500, "{report}");
    assert_eq!((&report["lost"], &report["duplicates"]), (&0.into(), &0.into()), "{report}");
    assert!(report["throughput"].as_f64().unwrap() > 0.0, "{report}");
}

#[test]
fn a_workflow_is_measured_until_its_result_is_there() {
    for canvas in ["chain", "group", "chord"] {
        let report = celeriac(&["--json", "bench", "--canvas", canvas, "--tasks", "300"]).json();
        assert_eq!((&report["canvas"], &report["completed"]), (&canvas.into(), &300.into()));
        assert_eq!((&report["lost"], &report["duplicates"]), (&0.into(), &0.into()), "{report}");
        assert!(report["overhead_us_per_task"].as_f64().unwrap() > 0.0, "{report}");
    }
}
