//! What one step costs, however wide or long the workflow is.

use std::collections::BTreeSet;

use celeriac_core::store::Joined;
use celeriac_core::workflow::{
    Canvas, Member, Page, SIGNAL, Signal, Signature, StepId, Value, Workflow,
};
use celeriac_core::{Message, MessageId, Name, QueueName, Timestamp, wire};
use celeriac_engine::canvas::{Act, Context, Graph, Limits, Said, compile, step};

const WIDTH: u32 = 100_000;

struct Flight {
    workflow: Workflow,
    graph: Graph,
}

impl Flight {
    fn of(canvas: &Canvas) -> Self {
        let pages = compile(canvas).unwrap();
        let id = MessageId::from_bytes([1; 16]);
        let workflow = Workflow {
            id,
            name: Name::from_static("wide"),
            version: 0,
            graph: id,
            root: StepId(0),
            end: pages.last().map_or(StepId(0), Page::end),
            parent: None,
            scopes: vec![id],
            path: Vec::new(),
            queue: QueueName::DEFAULT,
            created_at: Timestamp::default(),
            expires_at: Timestamp::NEVER,
        };
        Self { workflow, graph: Graph::new(pages) }
    }

    fn step(&self, said: Said) -> Vec<Act> {
        let context = Context {
            workflow: &self.workflow,
            epoch: 0,
            graph: &self.graph,
            values: &[],
            limits: Limits::default(),
            now: Timestamp::default(),
        };
        step(&context, said).unwrap()
    }
}

fn sent(acts: &[Act]) -> Vec<&Message> {
    fn message(act: &Act) -> Option<&Message> {
        let Act::Send(message) = act else { return None };
        Some(message)
    }
    acts.iter().filter_map(message).collect()
}

#[test]
fn a_hundred_thousand_members_begin_a_thousand_at_a_time() {
    let task = Canvas::from(Signature::new("t").argument(1));
    let flight = Flight::of(&Canvas::group(vec![task; WIDTH as usize]));
    let (mut ids, mut steps) = (BTreeSet::new(), 0);
    let mut said = Some(Said::Signal(StepId(0), Signal::Begin(None)));
    while let Some(next) = said.take() {
        let acts = flight.step(next);
        assert!(acts.len() <= 2010, "{} acts at once", acts.len());
        steps += 1;
        for message in sent(&acts) {
            if message.name == SIGNAL {
                let signal = wire::decode_signal(&message.body).unwrap();
                said = Some(Said::Signal(StepId(0), signal));
            } else {
                ids.insert(message.id);
            }
        }
    }
    assert_eq!((ids.len(), steps), (WIDTH as usize, 100));

    // The last member's result is not put into one message with all others.
    let answer = Joined { closed_by: Some(7), done: WIDTH, failed: None, weight: 5 };
    let acts = flight.step(Said::Joined { join: StepId(0), index: 7, answer });
    assert!(format!("{acts:?}").contains("Joined(Reference"), "{acts:?}");
}

#[test]
fn a_member_and_a_step_of_a_chain_cost_the_same_anywhere() {
    let task = Canvas::from(Signature::new("t"));
    let group = Flight::of(&Canvas::group(vec![task.clone(); 10_000]));
    let chain = Flight::of(&Canvas::chain(vec![task; 10_000]));
    for at in [1, 5000, 9999] {
        let acts = group.step(Said::Completed(StepId(at), Value::json("1")));
        let [Act::Mark(_), Act::Join(join)] = &acts[..] else { panic!("{acts:?}") };
        assert_eq!((join.index, &join.member), (at - 1, &Member::Value(Value::json("1"))));
        let acts = chain.step(Said::Completed(StepId(at), Value::json("1")));
        assert_eq!((acts.len(), sent(&acts).len()), (3, 1), "{acts:?}");
        assert!(sent(&acts)[0].body.len() < 40);
    }
}
