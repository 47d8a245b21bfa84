//! Progress and drawings of workflows in a given state.

use celeriac_core::workflow::{
    Canvas, Condition, Items, JsonPath, Parent, Policy, Record, Shape, Signature, Stage, Status,
    StepId, Workflow,
};
use celeriac_core::{MessageId, Name, QueueName, Timestamp};
use celeriac_engine::canvas::compile;

use super::view::View;
use super::{Drawing, progress};

fn task(name: &'static str) -> Canvas {
    Signature::new(name).into()
}

/// A view of a canvas whose steps have these statuses, from the first on.
fn view(canvas: &Canvas, statuses: &[Status]) -> View {
    let nodes: Vec<_> =
        compile(canvas).unwrap().into_iter().flat_map(|page| page.nodes.to_vec()).collect();
    let id = MessageId::from_parts(Timestamp::from_millis(1), 1);
    let workflow = Workflow {
        id,
        name: Name::from_static("nightly"),
        version: 0,
        graph: id,
        root: StepId(0),
        end: StepId(nodes.len() as u32),
        parent: None,
        scopes: vec![id],
        path: Vec::new(),
        queue: QueueName::DEFAULT,
        created_at: Timestamp::from_millis(1),
        expires_at: Timestamp::NEVER,
    };
    let record = Record { workflow, epoch: 0, end: None, ended_at: None };
    View::new(record, &nodes, statuses.to_vec())
}

fn wide(width: usize) -> Canvas {
    let members = (0..width).map(|_| task("hash").link(Signature::new("note"))).collect();
    Canvas::chain(vec![Canvas::group(members), task("sum \"<all>\"")])
}

#[test]
fn progress_counts_tasks_and_lists_nodes() {
    use Status::{Failure, Pending, Running, Success};
    // chain, group, hash, note, hash, note, hash, note, sum
    let noted = [Running, Running, Success, Success, Failure, Pending, Running, Pending, Pending];
    let progress = progress::of(&view(&wide(3), &noted));
    assert_eq!((progress.done, progress.failed, progress.total), (2, 1, 4));
    let paths: Vec<_> = progress.nodes.iter().map(|node| node.path.as_str()).collect();
    let group = "chain[0]";
    let members = [0, 1, 2].map(|member| format!("{group}/group[{member}]"));
    assert_eq!(paths, ["/", group, &members[0], &members[1], &members[2], "chain[1]"]);
    assert_eq!((progress.nodes[1].done, progress.nodes[1].total), (2, 3));
    assert_eq!(progress.nodes[3].status, Failure);
}

#[test]
fn wide_groups_are_one_node() {
    let progress = progress::of(&view(&wide(1000), &[]));
    assert_eq!(progress.nodes.len(), 3);
    assert_eq!(progress.total, 1001);
}

#[test]
fn rounds_of_a_loop_are_parts() {
    let until = Condition::Exists(JsonPath::WHOLE);
    let body = Box::new(task("again"));
    let looped = Canvas::from(Shape::Loop { body, until, max: 3 });
    let mut whole = view(&looped, &[Status::Running, Status::Pending]);
    let mut round = whole.clone();
    let id = whole.record.workflow.id;
    round.record.workflow.root = StepId(1);
    round.record.workflow.parent = Some(Parent { workflow: id, step: StepId(0), round: 2 });
    whole.parts.insert(0, round);
    let progress = progress::of(&whole);
    assert_eq!(progress.nodes[1].path, "loop[2]");
    assert_eq!(progress.total, 1);
    assert!(Drawing::of(&whole).mermaid().contains("loop 0/1"));
}

#[test]
fn drawings_show_every_part_with_its_status() {
    let switch = Shape::Switch {
        cases: vec![(Condition::Exists(JsonPath::WHOLE), task("small"))],
        otherwise: Some(Box::new(task("large"))),
    };
    let fork = Shape::Fork {
        branches: vec![("left".to_owned(), task("a")), ("right".to_owned(), task("b"))],
        policy: Policy::WaitAll,
    };
    let map = Shape::Map {
        signature: Signature::new("each"),
        items: Items::Input(JsonPath::WHOLE),
        each: celeriac_core::workflow::Each::Item,
        policy: Policy::WaitAll,
    };
    let parts = vec![task("first"), switch.into(), fork.into(), map.into(), Canvas::group(vec![])];
    let canvas = Canvas::chain(parts).on_error(Signature::new("alarm"));
    let view = view(&canvas, &[Status::Running, Status::Success]);
    let drawing = Drawing::of(&view);
    let labels = ["first", "small", "large", "left: a", "right: b", "map each 0/1", "alarm"];
    for text in [drawing.mermaid(), drawing.dot(), drawing.svg()] {
        for label in labels {
            assert!(text.contains(label), "{label} in {text}");
        }
    }
    let mermaid = drawing.mermaid();
    assert!(mermaid.contains("[\"first\"]:::SUCCESS"), "{mermaid}");
    assert_eq!(mermaid.matches("subgraph").count(), mermaid.matches("end\n").count());
    assert_eq!(mermaid.matches(" --> ").count(), 4, "{mermaid}");
    assert_eq!(mermaid.matches(" -.-> ").count(), 1, "{mermaid}");
    let dot = drawing.dot();
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    assert!(dot.contains("lhead=cluster_"), "{dot}");
}

#[test]
fn wide_groups_and_names_are_drawn_safely() {
    let drawing = Drawing::of(&view(&wide(100_000), &[Status::Running, Status::Running]));
    let svg = drawing.svg();
    assert!(svg.len() < 20_000, "{}", svg.len());
    assert!(svg.contains("… 99993 more, 99993 PENDING"), "{svg}");
    assert!(svg.contains("sum &quot;&lt;all&gt;&quot;"), "{svg}");
    assert!(drawing.mermaid().contains("sum #quot;<all>#quot;"));
    assert!(drawing.dot().contains("sum \\\"<all>\\\""));
}

/// Steps of which some are needed much later, as in `examples/workflow`.
fn dag() -> Canvas {
    let stage = |name: &str, needs: &[&str]| Stage {
        name: name.to_owned(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        settle: false,
        canvas: match name {
            "charge" => Canvas::group(vec![task("shop.charge"), task("shop.charge")]),
            _ => Signature::new(name).into(),
        },
    };
    let stages = vec![
        stage("extract", &[]),
        stage("rates", &[]),
        stage("charge", &["extract", "rates"]),
        stage("total", &["charge"]),
        stage("archive", &["extract"]),
        stage("report", &["extract", "total", "archive"]),
    ];
    Canvas::from(Shape::Dag { stages, policy: Policy::WaitAll }).on_error(Signature::new("alarm"))
}

#[test]
fn ways_of_a_dag_lead_past_what_they_do_not_mean() {
    let svg = Drawing::of(&view(&dag(), &[Status::Running, Status::Success])).svg();
    let edges = svg.lines().filter(|line| line.contains("class=\"edge\""));
    let mut hops = Vec::from_iter(edges.map(|edge| edge.matches('C').count()));
    hops.sort_unstable();
    // Of `archive` and of `extract` to `report`, past one column and past two.
    assert_eq!(hops, [1, 1, 1, 1, 1, 2, 3], "{svg}");
}
