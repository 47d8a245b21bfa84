//! Workflows: records, graphs, statuses of steps.

use std::sync::Arc;

use celeriac_core::store::{Transition, Watch, WorkflowFilter};
use celeriac_core::workflow::{
    End, Kind, NewWorkflow, Node, Page, Parent, Record, Signature, Status, StepError, StepId,
    StepMark, Then, Value, Workflow,
};
use celeriac_core::{Failure, MessageId, Name, QueueName, Timestamp};

use crate::probe::within;
use crate::suite::only_if;
use crate::{Harness, Rig};

/// How many steps the graph of [`new_workflow`] has, on two pages.
const STEPS: u32 = 300;

fn page(first: u32, count: u32) -> Page {
    let node = |step: u32| Node {
        kind: Kind::Task {
            signature: Signature::new("sample::step").argument(i64::from(step)),
            each: None,
            pick: "$".parse().expect("a path"),
        },
        parent: None,
        position: step,
        then: Then::End,
        inner_end: StepId(step + 1),
        links: 0,
        end: StepId(step + 1),
    };
    Page { first: StepId(first), nodes: (first..first + count).map(node).collect() }
}

/// A workflow that has nothing in common with others.
pub(crate) fn new_workflow(name: &str) -> NewWorkflow {
    let id = MessageId::new();
    let workflow = Workflow {
        id,
        name: Name::from(name),
        version: 3,
        graph: id,
        root: StepId(0),
        end: StepId(STEPS),
        parent: None,
        scopes: vec![id],
        path: Vec::new(),
        queue: QueueName::DEFAULT,
        created_at: Timestamp::from_millis(5),
        expires_at: Timestamp::NEVER,
    };
    NewWorkflow { workflow, epoch: 0, pages: vec![page(0, 256), page(256, STEPS - 256)] }
}

/// A part of another workflow, with the same graph.
fn part_of(whole: &NewWorkflow) -> NewWorkflow {
    let id = MessageId::new();
    let parent = Parent { workflow: whole.workflow.id, step: StepId(7), round: 2 };
    let (path, scopes) = (vec!["loop[2]".to_owned()], vec![whole.workflow.id, id]);
    let (root, end) = (StepId(8), StepId(20));
    let parent = Some(parent);
    let workflow = Workflow { id, parent, path, scopes, root, end, ..whole.workflow.clone() };
    NewWorkflow { workflow, epoch: 0, pages: Vec::new() }
}

fn record(new: &NewWorkflow) -> Record {
    let NewWorkflow { workflow, epoch, .. } = new.clone();
    Record { workflow, epoch, end: None, ended_at: None }
}

pub(crate) async fn create(rig: &Rig, batch: &[&NewWorkflow]) -> Vec<bool> {
    let batch = batch.iter().copied().cloned().collect();
    rig.store().create(batch).await.expect("create")
}

async fn records(rig: &Rig, ids: &[MessageId]) -> Vec<Option<Record>> {
    rig.store().workflows(ids).await.expect("workflows")
}

fn transition(new: &NewWorkflow, epoch: u32, end: Option<End>) -> Transition {
    Transition { id: new.workflow.id, epoch, end, at: Timestamp::from_millis(77) }
}

async fn transit(rig: &Rig, batch: Vec<Transition>) -> Vec<bool> {
    rig.store().transition(batch).await.expect("transition")
}

fn success() -> End {
    End::Success(Some(Value::json("[1]")))
}

fn failure() -> End {
    let failure = Failure::new("io", "gone");
    let (id, task) = (MessageId::from_bytes([3; 16]), Name::from_static("sample::step"));
    let path = vec!["chain[1]".to_owned(), "group[3]".to_owned()];
    End::Failure(Box::new(StepError { id, task, failure, path }))
}

async fn mark(rig: &Rig, new: &NewWorkflow, first: u32, count: u32, epoch: u32, status: Status) {
    let (workflow, first) = (new.workflow.id, StepId(first));
    let mark = StepMark { workflow, first, count, epoch, status };
    rig.store().mark_steps(vec![mark]).await.expect("mark_steps");
}

async fn steps(rig: &Rig, new: &NewWorkflow, first: u32, max: usize) -> Vec<Status> {
    rig.store().steps(new.workflow.id, StepId(first), max).await.expect("steps")
}

/// S-32: also within a batch.
pub async fn a_workflow_is_created_once(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (first, second) = (new_workflow("first"), new_workflow("second"));
    let mut other = first.clone();
    other.workflow.name = Name::from_static("other");
    other.pages.clear();
    assert_eq!(create(&rig, &[&first, &second, &other]).await, [true, true, false]);
    assert_eq!(create(&rig, &[&other]).await, [false]);
    let found = records(&rig, &[first.workflow.id]).await;
    assert_eq!(found, [Some(record(&first))]);
    let page = rig.store().pages(first.workflow.id, &[StepId(0)]).await.expect("pages");
    assert_eq!(page, [Some(first.pages[0].clone())]);
}

/// S-33: records by id, pages by step.
pub async fn records_and_pages_come_in_the_order_asked(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (first, second) = (new_workflow("first"), new_workflow("second"));
    create(&rig, &[&first, &second]).await;
    let ids = [second.workflow.id, MessageId::new(), first.workflow.id];
    let expected = [Some(record(&second)), None, Some(record(&first))];
    assert_eq!(records(&rig, &ids).await, expected);

    let asked = [StepId(299), StepId(0), StepId(256), StepId(255), StepId(300)];
    let pages = rig.store().pages(first.workflow.id, &asked).await.expect("pages");
    let firsts = Vec::from_iter(pages.iter().map(|page| page.as_ref().map(|page| page.first.0)));
    assert_eq!(firsts, [Some(256), Some(0), Some(256), Some(0), None]);
    assert_eq!(pages[0], Some(first.pages[1].clone()));
    let unknown = rig.store().pages(MessageId::new(), &[StepId(0)]).await.expect("pages");
    assert_eq!(unknown, [None]);
}

/// S-34: the first end of an epoch stays; a later epoch opens it again.
pub async fn the_first_end_of_an_epoch_stays(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let new = new_workflow("ends");
    create(&rig, &[&new]).await;
    let running = transition(&new, 0, None);
    assert_eq!(transit(&rig, vec![running]).await, [false], "it runs already");
    let ends = vec![transition(&new, 0, Some(failure())), transition(&new, 0, Some(success()))];
    assert_eq!(transit(&rig, ends).await, [true, false]);
    let found = records(&rig, &[new.workflow.id]).await.remove(0).expect("a record");
    let ended_at = Some(Timestamp::from_millis(77));
    assert_eq!((found.end.clone(), found.ended_at), (Some(failure()), ended_at));
    assert_eq!(found.status(), Status::Failure);

    assert_eq!(transit(&rig, vec![transition(&new, 1, None)]).await, [true]);
    let found = records(&rig, &[new.workflow.id]).await.remove(0).expect("a record");
    assert_eq!((found.epoch, found.status(), found.ended_at), (1, Status::Running, None));
    let late = transition(&new, 0, Some(success()));
    assert_eq!(transit(&rig, vec![late]).await, [false], "of an earlier epoch");
    let ends = vec![transition(&new, 2, Some(success())), transition(&new, 2, None)];
    assert_eq!(transit(&rig, ends).await, [true, false]);
    let unknown = transition(&new_workflow("unknown"), 0, Some(success()));
    assert_eq!(transit(&rig, vec![unknown]).await, [false]);
}

/// S-34: twenty routers that ended the same workflow.
pub async fn of_ends_at_once_one_is_noted(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let new = new_workflow("ends");
    create(&rig, &[&new]).await;
    let ends = (0..20).map(|number| End::Success(Some(Value::json(number.to_string()))));
    let ends = Vec::from_iter(ends);
    let calls =
        ends.iter().map(|end| rig.store().transition(vec![transition(&new, 0, Some(end.clone()))]));
    let answers = futures_util::future::join_all(calls).await;
    let winners = (0..20).filter(|at| matches!(answers[*at].as_deref(), Ok([true])));
    let winners = Vec::from_iter(winners);
    assert_eq!(winners.len(), 1, "{answers:?}");
    let found = records(&rig, &[new.workflow.id]).await.remove(0).expect("a record");
    assert_eq!(found.end.as_ref(), Some(&ends[winners[0]]));
}

/// S-35: in one epoch a status only rises, a later epoch begins anew.
pub async fn statuses_only_rise(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let new = new_workflow("marked");
    create(&rig, &[&new]).await;
    assert_eq!(steps(&rig, &new, 298, 10).await, [Status::Pending; 2]);
    mark(&rig, &new, 254, 4, 0, Status::Running).await;
    mark(&rig, &new, 255, 2, 0, Status::Success).await;
    mark(&rig, &new, 255, 1, 0, Status::Failure).await;
    mark(&rig, &new, 0, 400, 0, Status::Cancelled).await;
    assert_eq!(
        steps(&rig, &new, 253, 5).await,
        [Status::Cancelled, Status::Cancelled, Status::Success, Status::Success, Status::Cancelled]
    );
    assert_eq!(steps(&rig, &new, 0, 1000).await.len(), STEPS as usize);

    mark(&rig, &new, 255, 1, 1, Status::Pending).await;
    mark(&rig, &new, 255, 2, 0, Status::Success).await;
    assert_eq!(steps(&rig, &new, 255, 2).await, [Status::Pending, Status::Success]);
    mark(&rig, &new, 255, 1, 1, Status::Running).await;
    assert_eq!(steps(&rig, &new, 255, 1).await, [Status::Running]);
}

/// S-35: a part has statuses of its own, by the numbers of its graph.
pub async fn a_part_has_statuses_of_its_own(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let whole = new_workflow("whole");
    let part = part_of(&whole);
    create(&rig, &[&whole, &part]).await;
    mark(&rig, &part, 0, 10, 0, Status::Success).await;
    assert_eq!(steps(&rig, &part, 0, 3).await, [Status::Success, Status::Success, Status::Pending]);
    assert_eq!(steps(&rig, &part, 0, 100).await.len(), 12);
    assert_eq!(steps(&rig, &whole, 8, 2).await, [Status::Pending, Status::Pending]);
    let unknown = new_workflow("unknown");
    mark(&rig, &unknown, 0, 1, 0, Status::Success).await;
    assert_eq!(steps(&rig, &unknown, 0, 9).await, []);
}

/// S-36: name, status, parts; and pages without gap or repetition.
pub async fn workflows_are_listed_latest_first(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let all = ["a", "b", "a", "b", "a"].map(new_workflow);
    let part = part_of(&all[0]);
    create(&rig, &[&all[0], &all[1], &all[2], &all[3], &all[4], &part]).await;
    transit(&rig, vec![transition(&all[2], 0, Some(success()))]).await;
    let list = async |filter: WorkflowFilter, max: usize| {
        let records = rig.store().list(&filter, max).await.expect("list");
        Vec::from_iter(records.into_iter().map(|record| record.workflow.id))
    };
    let mut latest = Vec::from_iter(all.iter().map(|new| new.workflow.id));
    latest.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(list(WorkflowFilter::default(), 10).await, latest);
    let mut paged = Vec::new();
    while let page =
        list(WorkflowFilter { before: paged.last().copied(), ..WorkflowFilter::default() }, 2).await
        && !page.is_empty()
    {
        paged.extend(page);
    }
    assert_eq!(paged, latest);

    let a = WorkflowFilter { name: Some(Name::from_static("a")), ..WorkflowFilter::default() };
    assert_eq!(list(a.clone(), 10).await.len(), 3);
    let running = WorkflowFilter { status: Some(Status::Running), ..a.clone() };
    assert_eq!(list(running, 10).await.len(), 2);
    let ended = WorkflowFilter { status: Some(Status::Success), ..WorkflowFilter::default() };
    assert_eq!(list(ended, 10).await, [all[2].workflow.id]);
    let parts = WorkflowFilter { parts: true, ..WorkflowFilter::default() };
    assert_eq!(list(parts, 10).await.len(), 6);
    let of_first =
        WorkflowFilter { part_of: Some(all[0].workflow.id), ..WorkflowFilter::default() };
    assert_eq!(list(of_first.clone(), 10).await, [part.workflow.id]);
    let ended = WorkflowFilter { status: Some(Status::Success), ..of_first };
    assert_eq!(list(ended, 10).await, []);
}

/// S-37: with all that belongs to it, and nothing else.
pub async fn what_is_forgotten_is_gone_with_its_parts(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (gone, kept) = (new_workflow("gone"), new_workflow("kept"));
    let part = part_of(&gone);
    create(&rig, &[&gone, &kept, &part]).await;
    mark(&rig, &gone, 0, 5, 0, Status::Success).await;
    let ids = [gone.workflow.id, MessageId::new()];
    assert_eq!(rig.store().forget_workflows(&ids).await.expect("forget"), 1);
    let ids = [gone.workflow.id, part.workflow.id, kept.workflow.id];
    assert_eq!(records(&rig, &ids).await, [None, None, Some(record(&kept))]);
    let pages = rig.store().pages(gone.workflow.id, &[StepId(0)]).await.expect("pages");
    assert_eq!(pages, [None]);
    assert_eq!(create(&rig, &[&gone]).await, [true], "it may be created anew");
    assert_eq!(steps(&rig, &gone, 0, 1).await, [Status::Pending]);
}

/// S-38: records, graphs, statuses.
pub async fn workflows_survive_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    let (ended, running, gone) = (new_workflow("a"), new_workflow("b"), new_workflow("c"));
    create(&rig, &[&ended, &running, &gone]).await;
    transit(&rig, vec![transition(&ended, 0, Some(success()))]).await;
    transit(&rig, vec![transition(&running, 4, None)]).await;
    mark(&rig, &running, 100, 200, 4, Status::Skipped).await;
    rig.store().forget_workflows(&[gone.workflow.id]).await.expect("forget");

    let rig = rig.crash(vec![]).await;
    let ids = [ended.workflow.id, running.workflow.id, gone.workflow.id];
    let found = records(&rig, &ids).await;
    assert_eq!(found[0].as_ref().and_then(|record| record.end.clone()), Some(success()));
    let expected = Record { epoch: 4, ..record(&running) };
    assert_eq!((&found[1], &found[2]), (&Some(expected), &None));
    assert_eq!(steps(&rig, &running, 99, 2).await, [Status::Pending, Status::Skipped]);
    assert_eq!(steps(&rig, &running, 299, 2).await, [Status::Skipped]);
    let pages = rig.store().pages(running.workflow.id, &[StepId(299)]).await.expect("pages");
    assert_eq!(pages, [Some(running.pages[1].clone())]);
}

/// S-46: each kind of change, and what is there already.
pub async fn changes_of_a_workflow_are_waited_for(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let new = new_workflow("watched");
    let id = new.workflow.id;
    create(&rig, &[&new]).await;
    let mut seen = 0;
    for change in 0..5 {
        let watches = [Watch { id, seen }];
        let changed = within("what is there", rig.store().workflows_changed(&watches)).await;
        seen = newest(changed.expect("workflows_changed"), id, seen);
        let watches = [Watch { id, seen }];
        let mut waiting = rig.store().workflows_changed(&watches);
        rig.assert_waits("a watch", &mut waiting).await;
        match change {
            0 => mark(&rig, &new, 7, 1, 0, Status::Running).await,
            1 => drop(transit(&rig, vec![transition(&new, 0, Some(success()))]).await),
            2 => drop(transit(&rig, vec![transition(&new, 1, None)]).await),
            3 => drop(rig.store().forget_workflows(&[id]).await.expect("forget")),
            _ => drop(create(&rig, &[&new]).await),
        }
        let changed = within("the change", waiting).await.expect("workflows_changed");
        newest(changed, id, seen);
    }
    let nothing = within("nobody", rig.store().workflows_changed(&[])).await;
    assert_eq!(nothing.expect("workflows_changed"), []);
}

fn newest(changed: Vec<(MessageId, u64)>, id: MessageId, seen: u64) -> u64 {
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(changed[0].0 == id && changed[0].1 > seen, "{changed:?} after {seen}");
    changed[0].1
}

/// S-46: what happens while nobody watches is told to who comes back.
pub async fn a_dropped_watch_of_a_workflow_misses_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (new, other) = (new_workflow("watched"), new_workflow("other"));
    let id = new.workflow.id;
    create(&rig, &[&new, &other]).await;
    let watches = [Watch { id, seen: 0 }, Watch { id: other.workflow.id, seen: 0 }];
    let both = within("both", rig.store().workflows_changed(&watches)).await;
    let both = both.expect("workflows_changed");
    assert_eq!(both.len(), 2, "{both:?}");
    let watches = Vec::from_iter(both.iter().map(|(id, seen)| Watch { id: *id, seen: *seen }));
    {
        let mut waiting = rig.store().workflows_changed(&watches);
        rig.assert_waits("a watch", &mut waiting).await;
    }
    mark(&rig, &new, 7, 1, 0, Status::Running).await;
    let changed = within("who came back", rig.store().workflows_changed(&watches)).await;
    assert!(changed.expect("workflows_changed").iter().any(|(changed, _)| *changed == id));
}
