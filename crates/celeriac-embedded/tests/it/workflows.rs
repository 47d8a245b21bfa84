//! A wide join on disk: 100,000 members, a thousand at a time.

use celeriac_core::store::{Join, Joins, Workflows};
use celeriac_core::workflow::{Member, NewWorkflow, Status, StepId, StepMark, Value, Workflow};
use celeriac_core::{MessageId, Name, QueueName, Timestamp};
use celeriac_embedded::{Durable, Options};
use jumpstarter::System;

const WIDTH: u32 = 100_000;
const GROUP: StepId = StepId(0);

fn workflow() -> NewWorkflow {
    let id = MessageId::new();
    let workflow = Workflow {
        id,
        name: Name::from_static("wide"),
        version: 0,
        graph: id,
        root: GROUP,
        end: StepId(WIDTH + 1),
        parent: None,
        scopes: vec![id],
        path: Vec::new(),
        queue: QueueName::DEFAULT,
        created_at: Timestamp::now(),
        expires_at: Timestamp::NEVER,
    };
    NewWorkflow { workflow, epoch: 0, pages: Vec::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_hundred_thousand_members_join_and_come_back_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("wide");
    let durable = Durable::open(directory.path(), Options::default(), &system).await.unwrap();
    let new = workflow();
    let id = new.workflow.id;
    durable.create(vec![new]).await.unwrap();
    let mut closers = Vec::new();
    for first in (0..WIDTH).step_by(1000) {
        let indices = first..first + 1000;
        let batch = indices.map(|index| Join {
            workflow: id,
            join: GROUP,
            index,
            width: WIDTH,
            fail_fast: false,
            epoch: 0,
            member: Member::Value(Value::json(index.to_string())),
        });
        let joined = durable.join(batch.collect()).await.unwrap();
        closers.extend(joined.into_iter().filter_map(|joined| joined.closed_by));
        let (first, count) = (StepId(first + 1), 1000);
        let mark = StepMark { workflow: id, first, count, epoch: 0, status: Status::Success };
        durable.mark_steps(vec![mark]).await.unwrap();
    }
    assert_eq!(closers, [WIDTH - 1]);

    let mut next = 0;
    while next < WIDTH {
        let page = durable.members(id, GROUP, next, 5000).await.unwrap();
        assert!((1..=5000).contains(&page.len()));
        for (index, member) in page {
            assert_eq!((index, member), (next, Member::Value(Value::json(next.to_string()))));
            next += 1;
        }
    }
    let steps = durable.steps(id, GROUP, usize::MAX).await.unwrap();
    let succeeded = steps.iter().filter(|status| **status == Status::Success).count();
    assert_eq!((steps.len(), succeeded), (WIDTH as usize + 1, WIDTH as usize));
    assert_eq!(durable.forget_workflows(&[id]).await.unwrap(), 1);
    assert_eq!(durable.members(id, GROUP, 0, 1).await.unwrap(), []);
}
