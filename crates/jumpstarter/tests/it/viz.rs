//! Drawings: the texts as they are expected, names that look like syntax, and
//! drawings that follow what happens.
//!
//! `UPDATE_EXPECTED=1` writes the expected files anew; look at them then.

use std::path::Path;
use std::time::Duration;

use jumpstarter::chart::{Arrow, Chart, StateNode};
use jumpstarter::{Context, Flow, Lifecycle, Options, Statechart, System, actor, statechart, viz};

statechart! {
    /// The lifecycle, with two ways of being healthy.
    pub Experiment extends Lifecycle {
        started.running.healthy { initial a, b };
        on to_b: started.running.healthy.a => started.running.healthy.b;
        on to_a: started.running.healthy.b => started.running.healthy.a;
    }
}

fn expect(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/viz").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        // If it was not written, the comparison fails.
        let _ = std::fs::write(&path, text);
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "not as expected: {name}; UPDATE_EXPECTED=1 writes it anew");
}

fn expect_all(name: &str, drawing: &viz::Drawing) {
    expect(&format!("{name}.dot"), &drawing.dot());
    expect(&format!("{name}.mmd"), &drawing.mermaid());
    expect(&format!("{name}.svg"), &drawing.svg());
}

#[test]
fn charts() {
    expect_all("lifecycle", &viz::chart(Lifecycle::CHART));
    expect_all("extended", &viz::chart(Experiment::CHART));
}

static NASTY: Chart = Chart {
    name: "a \"chart\" <of> & ; names\nin two lines #1;",
    states: &[
        StateNode {
            path: "quote\"",
            name: "quote\"; } ] -> x",
            parent: None,
            initial: true,
            resting: true,
        },
        StateNode {
            path: "<tag>",
            name: "<b>&amp;</b> %% --> [*]",
            parent: None,
            initial: false,
            resting: false,
        },
        StateNode {
            path: "<tag>.ü",
            name: "größer 状態 \\N\\",
            parent: Some(1),
            initial: true,
            resting: true,
        },
    ],
    arrows: &[
        Arrow { trigger: "go: \"there\"; & <back>\nagain", from: 0, to: 1 },
        Arrow { trigger: "", from: 1, to: 0 },
    ],
    regions: &[],
    extends: None,
};

#[test]
fn names_are_not_syntax() {
    expect_all("nasty", &viz::chart(&NASTY));
    let svg = viz::chart(&NASTY).svg();
    assert!(!svg.contains("<b>") && !svg.contains("<tag>"));
}

#[test]
fn arrows_from_everywhere_are_drawn_once_and_those_from_a_whole_frame_leave_the_frame() {
    let text = viz::chart(Lifecycle::CHART).mermaid();
    let count = |trigger: &str| {
        let named = text.lines().filter_map(|line| line.split_once(" : "));
        named.filter(|(_, names)| names.split(", ").any(|name| name == trigger)).count()
    };
    assert_eq!(count("report_error"), 1);
    // Not from eleven states, but from: initializing, initialized, starting,
    // started, crashed; and once in the restart region.
    assert_eq!(count("stop"), 5 + 1);
    assert_eq!(count("pause"), 1);
    // A triangle of states stays what it is.
    assert_eq!(count("recover"), 2);
    assert!(text.contains(" : stop, restart"), "two triggers share an arrow");
}

#[test]
fn a_chart_with_nothing_in_it_and_one_with_one_state_can_be_drawn() {
    static EMPTY: Chart =
        Chart { name: "Empty", states: &[], arrows: &[], regions: &[], extends: None };
    static ONE: Chart = Chart {
        name: "One",
        states: &[StateNode {
            path: "only",
            name: "only",
            parent: None,
            initial: false,
            resting: true,
        }],
        arrows: &[Arrow { trigger: "again", from: 0, to: 0 }],
        regions: &[],
        extends: None,
    };
    expect_all("empty", &viz::chart(&EMPTY));
    expect_all("one", &viz::chart(&ONE));
}

struct Clerk;
struct Worry;

#[actor]
impl Clerk {
    #[started]
    fn hire(&mut self, ctx: &mut Context<Self>) {
        if ctx.path() == "manager" {
            ctx.spawn_child("clerk-1", Options::default().mailbox(8), || Clerk);
            ctx.spawn_child("<clerk> & \"2\"; x", Options::default().unbounded(), || Clerk);
        }
    }

    #[handler]
    fn worry(&mut self, _message: Worry, ctx: &mut Context<Self>) {
        let _ = ctx.report_warning();
    }
}

#[tokio::test(start_paused = true)]
async fn trees_and_actors() {
    let system = System::new("office");
    let archive = system.spawn("archive", Options::default(), || Clerk);
    let options = Options::default().depends_on(&archive);
    let manager = system.spawn("manager", options, || Clerk);
    manager.started().await.unwrap();
    for path in ["manager/clerk-1", "manager/<clerk> & \"2\"; x"] {
        system.find::<Clerk>(path).unwrap().started().await.unwrap();
    }
    system.find::<Clerk>("manager/clerk-1").unwrap().ask(Worry).await.unwrap();
    archive.pause().await.unwrap();
    expect_all("tree", &viz::tree(&system));
    let again = viz::tree_of("office", &system.snapshot());
    assert_eq!(again.svg(), viz::tree(&system).svg());
    expect_all("instance", &viz::instance(Lifecycle::CHART, &archive.snapshot()));
}

#[tokio::test]
async fn an_empty_system_can_be_drawn() {
    expect_all("nobody", &viz::tree(&System::new("nobody")));
}

/// The looks of the state in which the actor is.
fn current(drawing: &viz::Drawing) -> Vec<String> {
    let svg = drawing.svg();
    let marked =
        svg.lines().filter(|line| line.contains("class=\"box") && line.contains(" current"));
    let path = |line: &str| line.split("<title>").nth(1)?.split('<').next().map(str::to_owned);
    marked.filter_map(path).collect()
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_followed_to_its_end() {
    let system = System::new("office");
    let clerk = system.spawn("clerk", Options::default(), || Clerk);
    clerk.started().await.unwrap();
    let mut live = viz::Live::instance(&clerk, Lifecycle::CHART);
    assert_eq!(current(&live.next().await.unwrap()), ["started.running.healthy", "ignore"]);
    clerk.ask(Worry).await.unwrap();
    assert_eq!(current(&live.next().await.unwrap()), ["started.running.degraded", "ignore"]);
    clerk.pause().await.unwrap();
    assert_eq!(current(&live.next().await.unwrap()), ["started.paused", "ignore"]);
    clerk.stop().await;
    let mut last = Vec::new();
    while let Some(drawing) = live.next().await {
        last = current(&drawing);
    }
    assert_eq!(last, ["stopped", "ignore"]);
}

struct Window;

#[actor(chart = Experiment)]
impl Window {
    #[task(every = "10m")]
    fn rotate(&mut self) -> Flow {
        Flow::Continue
    }
}

#[tokio::test(start_paused = true)]
async fn the_sub_state_of_an_actor_with_a_chart_of_its_own_stands_out() {
    let system = System::new("shop");
    let window = system.spawn("window", Options::default(), || Window);
    window.started().await.unwrap();
    let mut live = viz::Live::instance(&window, Experiment::CHART);
    let first = live.next().await.unwrap();
    assert_eq!(current(&first), ["started.running.healthy.a", "ignore", "running"]);
    window.fire(Experiment::ToB).await.unwrap();
    let drawing = live.next().await.unwrap();
    assert_eq!(current(&drawing), ["started.running.healthy.b", "ignore", "running"]);
    // The picture in the README.
    expect("../../docs/instance.svg", &drawing.svg());
}

#[tokio::test(start_paused = true)]
async fn a_tree_is_followed_until_the_system_is_empty() {
    let system = System::new("office");
    let mut live = viz::Live::tree(&system);
    assert!(!live.next().await.unwrap().mermaid().contains("clerk"));
    let clerk = system.spawn("clerk", Options::default(), || Clerk);
    clerk.started().await.unwrap();
    assert!(live.next().await.unwrap().mermaid().contains("clerk"));
    clerk.stop().await;
    let mut drawings = Vec::new();
    while drawings.last().is_none_or(|last: &String| last.contains("clerk")) {
        drawings.push(live.next().await.unwrap().mermaid());
    }
    let other = system.spawn("other", Options::default(), || Clerk);
    other.started().await.unwrap();
    system.shutdown(Duration::from_secs(1)).await;
    let mut last = String::new();
    while let Some(drawing) = live.next().await {
        last = drawing.mermaid();
    }
    assert!(!last.contains("other"), "the last drawing is of an empty system: {last}");
}
