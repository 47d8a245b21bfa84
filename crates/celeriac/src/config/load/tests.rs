//! Tables of files and variables, and what they come to.

use std::time::Duration;

use super::*;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("celeriac.toml");
    std::fs::write(&file, text).unwrap();
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&file), owned)
}

/// The complaints, with the file's name instead of its path.
fn complaints(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let Error::Mistakes(mistakes) = load(text, variables).unwrap_err() else { unreachable!() };
    let short = |mistake: &Mistake| {
        let told = mistake.to_string();
        told.find("celeriac.toml").map_or(told.clone(), |start| told[start..].to_owned())
    };
    mistakes.iter().map(short).collect()
}

#[test]
fn later_ones_win() {
    let text = "broker = \"./a\"\n[worker]\nconcurrency = 3\ngrace = \"5s\"\n";
    let config = load(text, &[("CELERIAC_WORKER__CONCURRENCY", "8")]).unwrap();
    let mut expected = Config { broker: "./a".into(), ..Config::default() };
    expected.worker.concurrency = 8;
    expected.worker.grace = Duration::from_secs(5);
    assert_eq!(config, expected);
}

#[test]
fn what_nobody_says_stays_as_the_app_said() {
    let mut own = Config { broker: "memory://".into(), ..Config::default() };
    own.worker.threads = 7;
    let variables = [("CELERIAC_TASKS__TIME_LIMIT".to_owned(), "1m".to_owned())];
    let loaded = own.clone().load_over(None, variables).unwrap();
    own.tasks.time_limit = Some(Duration::from_secs(60));
    assert_eq!(loaded, own);
}

#[test]
fn variables_of_every_kind() {
    let config = load(
        "",
        &[
            ("CELERIAC_BROKER", "memory://"),
            ("CELERIAC_STORE", "./state"),
            ("CELERIAC_WORKER__QUEUES", "mail, reports"),
            ("CELERIAC_TASKS__RESULT_TTL", "1h"),
            ("CELERIAC_TASKS__MAX_ATTEMPTS", "1"),
            ("CELERIAC_CONFIG", "x"),
            ("CELERIAC_LOG", "x"),
            ("CELERIAC_CRASH_ROUNDS", "x"),
            ("PATH", "x"),
        ],
    );
    let config = config.unwrap();
    assert_eq!(config.broker, "memory://".into());
    assert_eq!(config.store, Some("./state".into()));
    assert_eq!(config.worker.queues, ["mail", "reports"]);
    assert_eq!(config.tasks.result_ttl, Duration::from_secs(3600));
    assert_eq!(config.tasks.max_attempts, 1);
}

#[test]
fn mistakes_in_files_are_told_with_their_place() {
    let cases = [
        (
            "\n[worker]\n  concurrency = \"many\"\n",
            "celeriac.toml:3:17: worker.concurrency: \"many\" is no whole number from 1 on",
        ),
        (
            "[worker]\nconcurency = 1\n",
            "celeriac.toml:2:1: unknown key `worker.concurency`; did you mean `concurrency`? \
             keys here: name, queues, concurrency, threads, grace, max_deaths",
        ),
        (
            "[wroker]\nthreads = 1\n",
            "celeriac.toml:1:2: unknown key `wroker`; did you mean `worker`? \
             keys here: broker, store, worker, tasks, queues, messages",
        ),
        (
            "worker.concurrency = 0",
            "celeriac.toml:1:22: worker.concurrency: 0 is too small: at least 1",
        ),
        (
            "tasks = { max_attempts = 5_000_000_000 }",
            "celeriac.toml:1:26: tasks.max_attempts: 5_000_000_000 is too large",
        ),
        (
            "broker = \"ftp://:pw@x\"",
            "celeriac.toml:1:10: broker: \"ftp://:***@x\" is no address; use `memory://`, ",
        ),
        (
            "[tasks]\n# é\nresult_ttl = 30\n",
            "celeriac.toml:3:14: tasks.result_ttl: 30 is no duration such as \"250ms\", \"30s\" or \
             \"1h 30m\"",
        ),
        (
            "[worker]\nqueues = [\"a\", 1]\n",
            "celeriac.toml:2:10: worker.queues: [\"a\", 1] is no list of names such as \
             [\"default\", \"mail\"]",
        ),
        (
            "worker = 1",
            "celeriac.toml:1:10: worker: 1 is no section; write [worker] above its keys",
        ),
    ];
    for (text, expected) in cases {
        let told = complaints(text, &[]);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let told = complaints("broker = \"x\"\n[worker\n", &[]);
    assert!(told[0].starts_with("celeriac.toml:2:8: "), "{told:?}");
    let told = complaints("broker = \"x\"\nbroker = \"y\"\n", &[]);
    assert!(told[0].starts_with("celeriac.toml:2:1: duplicate key"), "{told:?}");
}

#[test]
fn mistakes_in_variables_name_them() {
    let cases = [
        ("CELERIAC_WORKER__GRACE", "soon", "\"soon\" is no duration such as \"250ms\""),
        ("CELERIAC_WORKER__CONCURRENCY", "-1", "\"-1\" is no whole number from 1 on"),
        ("CELERIAC_WORKER_GRACE", "1s", "sets nothing; did you mean CELERIAC_WORKER__GRACE?"),
        ("CELERIAC_BROKER", "", "\"\" is no address; use `memory://`"),
        ("CELERIAC_STORE", "ftp://ann:pw@x", "\"ftp://ann:***@x\" is no address; use"),
        (
            "CELERIAC_X",
            "",
            "sets nothing; known are CELERIAC_BROKER, CELERIAC_STORE, CELERIAC_WORKER__NAME,",
        ),
    ];
    for (name, value, expected) in cases {
        let told = complaints("", &[(name, value)]);
        assert!(told[0].starts_with(&format!("variable {name}: {expected}")), "{told:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "x = 1\n[worker]\ny = 1\n";
    assert_eq!(complaints(text, &[("CELERIAC_BROKER", "")]).len(), 3);
}

#[test]
fn a_file_that_is_named_must_exist() {
    let error = Config::load(Some(Path::new("/nowhere.toml")), []).unwrap_err();
    assert!(error.to_string().starts_with("failed to read /nowhere.toml: "), "{error}");
}

#[test]
fn brokers_and_routes() {
    let text = "[brokers.eu]\nurl = \"memory://\"\n\
                [[routes]]\ntask = \"mail.*\"\nbrokers = [\"eu\", \"default\"]\n";
    let config = load(text, &[("CELERIAC_BROKERS__US__URL", "./us")]).unwrap();
    assert_eq!(config.all_brokers()[1..], [("eu", &"memory://".into()), ("us", &"./us".into())]);
    assert_eq!(config.routes[0].task.as_deref(), Some("mail.*"));
    assert_eq!(config.routes[0].brokers, ["eu", "default"]);
    let cases = [
        (
            "[brokers.eu]\nurl = \"ftp://:pw@x\"\n",
            "celeriac.toml:2:7: brokers.eu.url: `ftp://:***@x` is no address; use",
        ),
        (
            "[brokers.eu]\nurl = \"memory://\"\nx = 1\n",
            "celeriac.toml:3:1: unknown key `brokers.eu.x`",
        ),
        (
            "[brokers.default]\nurl = \"memory://\"\n",
            "celeriac.toml:2:7: brokers.default.url: `broker`, at",
        ),
        ("[brokers.eu]\n", "celeriac.toml:1:10: brokers.eu: has no `url`"),
        ("[[routes]]\ntask = 1\n", "celeriac.toml:2:8: routes.task: is no text"),
        (
            "[[routes]]\ntsk = \"a\"\n",
            "celeriac.toml:2:1: unknown key `routes.tsk`; keys here: task",
        ),
        (
            "[[routes]]\nbrokers = [\"eu\"]\n",
            "celeriac.toml:1:1: routes: a route has exactly one of task",
        ),
        ("[[routes]]\ntask = \"a\"\n", "celeriac.toml:1:1: routes: a route names at least one"),
        (
            "[backlog]\nwhen_full = \"drop\"\n",
            "celeriac.toml:2:13: backlog.when_full: \"drop\" is neither",
        ),
    ];
    for (text, expected) in cases {
        let told = complaints(text, &[]);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
    }
}
