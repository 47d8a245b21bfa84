//! Life for workflows: deliveries are worked on in a random order, several at
//! once, effect by effect, with crashes between any two.

use std::collections::VecDeque;
use std::sync::Arc;

use celeriac_core::message::WorkflowStep;
use celeriac_core::workflow::{
    Canvas, End, NewWorkflow, Page, Reference, SIGNAL, Signal, StepId, Value, Workflow,
};
use celeriac_core::{
    ContentType, Failure, HeaderValue, Message, MessageId, Name, QueueName, Timestamp, arguments,
    body, wire,
};
use celeriac_engine::canvas::{
    Act, Context, Graph, Limits, Need, Said, begin, cancel, compile, retry, step, step_id,
};

use celeriac_testkit::canvas::{self as tasks, Ran};
use celeriac_testkit::dice::Dice;

use super::world::{Bug, World};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_000_000);

/// Small ones, so that random canvases reach them.
const LIMITS: Limits = Limits { inline_members: 3, inline_bytes: 60, batch: 3, batch_bytes: 400 };

/// A workflow that has not ended after so many turns never will.
const TURNS: usize = 200_000;

/// How unfriendly the world is, in percent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) crash: usize,
    pub(super) duplicate: usize,
    /// Whether the workflow is cancelled at some time.
    pub(super) cancel: bool,
}

enum Stage {
    Admit,
    Record(Ran),
    Say(VecDeque<Said>),
    Perform,
    Done,
}

/// One delivery that is worked on.
struct Work {
    key: u64,
    receipt: u64,
    redelivered: bool,
    message: Arc<Message>,
    place: WorkflowStep,
    stage: Stage,
    asks: VecDeque<Act>,
    acts: Vec<Act>,
}

pub(super) struct Driver {
    pub(super) world: World,
    pub(super) dice: Dice,
    pub(super) root: MessageId,
    pub(super) mended: bool,
    weather: Weather,
    works: Vec<Work>,
}

impl Driver {
    pub(super) fn new(seed: u64, canvas: &Canvas, weather: Weather, bug: Option<Bug>) -> Self {
        let mut dice = Dice::new(seed);
        let id = MessageId::from_parts(NOW, u128::from(dice.roll()) << 64);
        let pages = compile(canvas).expect("a graph");
        let workflow = Workflow {
            id,
            name: Name::from_static("random"),
            version: 0,
            graph: id,
            root: StepId(0),
            end: pages.last().map_or(StepId(0), Page::end),
            parent: None,
            scopes: vec![id],
            path: Vec::new(),
            queue: QueueName::DEFAULT,
            created_at: NOW,
            expires_at: Timestamp::NEVER,
        };
        let mut world = World::new(bug);
        world.publish(begin(&workflow, 0, NOW).into(), id);
        world.create(NewWorkflow { workflow, epoch: 0, pages });
        Self { world, dice, root: id, mended: false, weather, works: Vec::new() }
    }

    /// Works until nothing is left to do.
    pub(super) fn run(&mut self) {
        let cancel_at = self.weather.cancel.then(|| self.dice.below(300));
        for turn in 0..TURNS {
            if cancel_at == Some(turn) {
                self.cancel();
            }
            let any = self.take_one();
            if !any && self.works.is_empty() {
                if cancel_at.is_none_or(|at| at < turn) {
                    return;
                }
                continue;
            }
            if self.works.is_empty() {
                continue;
            }
            let at = self.dice.below(self.works.len());
            let mut work = self.works.swap_remove(at);
            if self.dice.percent(self.weather.crash) {
                self.world.release(work.key, work.receipt);
                continue;
            }
            self.turn(&mut work);
            match work.stage {
                Stage::Done => {
                    self.world.settle(work.key, work.receipt);
                    if self.dice.percent(self.weather.duplicate) {
                        // The acknowledgement was lost.
                        self.world.put(work.message, true);
                    }
                }
                _ => self.works.push(work),
            }
        }
        let left = self.world.waiting.len();
        self.world.violations.push(format!("it does not end; {left} messages are left"));
        self.world.waiting.clear();
        self.works.clear();
    }

    /// Takes a delivery sometimes; whether there is any that nobody works on.
    fn take_one(&mut self) -> bool {
        if self.world.waiting.is_empty() {
            return false;
        }
        if self.works.len() > 4 || (!self.works.is_empty() && self.dice.percent(60)) {
            return true;
        }
        let at = self.dice.below(self.world.waiting.len());
        let again = self.dice.percent(self.weather.duplicate);
        let waiting = &mut self.world.waiting[at];
        if waiting.held && !again {
            return true;
        }
        // Its lease may be over, while somebody still works on it.
        let redelivered = waiting.redelivered || waiting.held;
        waiting.held = true;
        waiting.receipt += 1;
        let receipt = waiting.receipt;
        let (key, message) = (waiting.key, waiting.message.clone());
        let place = message.rare().workflow.clone().expect("a step");
        let (asks, acts) = (VecDeque::new(), Vec::new());
        self.works.push(Work {
            key,
            receipt,
            redelivered,
            message,
            place,
            stage: Stage::Admit,
            asks,
            acts,
        });
        true
    }

    /// One effect of one delivery.
    fn turn(&mut self, work: &mut Work) {
        match std::mem::replace(&mut work.stage, Stage::Done) {
            Stage::Admit => work.stage = self.admit(work),
            Stage::Record(ran) => {
                let recorded = self.world.outcomes.entry(work.message.id).or_insert(ran).clone();
                work.stage = Stage::Say([said(work, recorded)].into());
                if self.world.bug == Some(Bug::SettleFirst) {
                    self.world.settle(work.key, work.receipt);
                }
            }
            Stage::Say(mut said) => {
                if let Some(said) = said.pop_front() {
                    let acts = self.step(&work.place, &said);
                    for act in acts {
                        match act {
                            Act::Join(_) | Act::Collect { .. } => work.asks.push_back(act),
                            act => work.acts.push(act),
                        }
                    }
                }
                if let Some(ask) = work.asks.pop_front() {
                    said.push_back(self.ask(&work.place, ask));
                }
                work.stage = if said.is_empty() { Stage::Perform } else { Stage::Say(said) };
            }
            Stage::Perform => {
                let order = |act: &Act| match act {
                    Act::Create(_) => 0,
                    Act::Send(_) => 1,
                    Act::Mark(_) => 2,
                    Act::End(_) => 3,
                    _ => 4,
                };
                let next = (0..work.acts.len()).min_by_key(|at| order(&work.acts[*at]));
                if let Some(at) = next {
                    let act = work.acts.remove(at);
                    self.perform(&work.place, work.message.id, act);
                    work.stage = Stage::Perform;
                }
            }
            Stage::Done => {}
        }
    }

    fn admit(&mut self, work: &Work) -> Stage {
        let (world, place) = (&mut self.world, &work.place);
        if let Some(recorded) = world.outcomes.get(&work.message.id) {
            if !work.redelivered {
                return Stage::Done;
            }
            return Stage::Say([said(work, recorded.clone())].into());
        }
        let revoked = place.scopes.iter().filter(|scope| world.revoked.contains(scope));
        let revoked = Vec::from_iter(revoked.copied());
        if !revoked.is_empty() {
            return Stage::Say([Said::Cancelled(place.step, revoked)].into());
        }
        if work.message.name == SIGNAL {
            return Stage::Record(Ran::Value(HeaderValue::Null));
        }
        let arguments = arguments_of(world, &work.message, place.input.as_ref());
        let task = work.message.name.as_str();
        let run = format!("{task}{}", tasks::text(&arguments));
        world.runs.insert(work.message.id, run);
        Stage::Record(tasks::run(task, &arguments, place.each, self.mended))
    }

    fn step(&self, place: &WorkflowStep, said: &Said) -> Vec<Act> {
        let workflow = self.world.workflow(place.id);
        let (mut graph, mut values) = (Graph::default(), Vec::new());
        loop {
            let context = Context {
                workflow,
                epoch: place.epoch,
                graph: &graph,
                values: &values,
                limits: LIMITS,
                now: NOW,
            };
            match step(&context, said.clone()) {
                Ok(acts) => return acts,
                Err(Need::Page(at)) => graph.insert(self.world.page(workflow.graph, at).into()),
                Err(Need::Value(reference)) => {
                    let value = self.world.resolve(&reference);
                    values.push((reference, value));
                }
            }
        }
    }

    fn ask(&mut self, place: &WorkflowStep, ask: Act) -> Said {
        match ask {
            Act::Join(join) => {
                let (step, index) = (join.join, join.index);
                Said::Joined { join: step, index, answer: self.world.join(*join) }
            }
            Act::Collect { join, from, count } => {
                let members = self.world.members((place.id, join), from, count);
                Said::Collected { join, members }
            }
            other => unreachable!("{other:?} is no question"),
        }
    }

    fn perform(&mut self, place: &WorkflowStep, cause: MessageId, act: Act) {
        match act {
            Act::Create(new) => self.world.create(*new),
            Act::Send(message) => {
                self.world.publish(message.clone(), cause);
                if self.dice.percent(self.weather.duplicate) {
                    self.world.put(message, false);
                }
            }
            Act::Mark(mark) => self.world.mark(&mark),
            Act::End(end) => self.world.transition(place.id, place.epoch, Some(*end)),
            Act::Cancel(scope) => {
                self.world.revoked.insert(scope);
            }
            other => unreachable!("{other:?} is a question"),
        }
    }

    fn cancel(&mut self) {
        let workflow = self.world.workflow(self.root).clone();
        self.world.revoked.insert(self.root);
        for act in cancel(&workflow, 0, NOW) {
            self.perform(&WorkflowStep::new(self.root, workflow.root), self.root, act);
        }
    }

    /// Tries the step again that the workflow has failed with.
    pub(super) fn retry(&mut self) {
        let Some(End::Failure(error)) = self.world.records[&self.root].end.clone() else {
            panic!("it has not failed");
        };
        let epoch = self.world.records[&self.root].epoch + 1;
        let mut message = Message::clone(&self.world.published[&error.id].0);
        let mut place = message.rare().workflow.clone().expect("a step");
        message.id = step_id(place.id, place.step, epoch);
        message.rare_mut().workflow = Some(WorkflowStep { epoch, ..place.clone() });
        let mut open = Vec::new();
        loop {
            let workflow = self.world.workflow(place.id).clone();
            let graph = Graph::new(self.world.pages(workflow.graph));
            let (values, limits, now) = (&[][..], LIMITS, NOW);
            let context =
                Context { workflow: &workflow, epoch, graph: &graph, values, limits, now };
            let again = retry(&context, place.step).expect("it can be tried again");
            again.reopen.into_iter().for_each(|reopen| self.world.reopen(reopen));
            again.marks.iter().for_each(|mark| self.world.mark(mark));
            open.push(place.id);
            match workflow.parent {
                None => break,
                Some(parent) => place = WorkflowStep::new(parent.workflow, parent.step),
            }
        }
        self.world.publish(message.into(), error.id);
        open.into_iter().for_each(|id| self.world.transition(id, epoch, None));
        // What was acknowledged long ago comes again.
        let old = Vec::from_iter(self.world.published.values().map(|known| known.0.clone()));
        for _ in 0..self.dice.below(4) {
            let old = old[self.dice.below(old.len())].clone();
            self.world.put(old, true);
        }
    }
}

fn said(work: &Work, recorded: Ran) -> Said {
    let step = work.place.step;
    if work.message.name == SIGNAL {
        let signal: Signal = wire::decode_signal(&work.message.body).expect("a signal");
        return Said::Signal(step, signal);
    }
    match recorded {
        Ran::Value(value) => {
            let json = body::encode(&ContentType::Json, &value).expect("JSON");
            Said::Completed(step, Value::json(json))
        }
        Ran::Failed(kind, message) => Said::Failed(step, Failure::new(kind, message)),
        Ran::Replaced(canvas) => Said::Replaced(step, canvas),
    }
}

fn arguments_of(world: &World, message: &Message, input: Option<&Reference>) -> Vec<HeaderValue> {
    let read: arguments::Arguments =
        body::decode(&message.content_type, &message.body).expect("arguments");
    let first = input.map(|reference| match world.resolve(reference) {
        Value::Inline(content_type, bytes) => body::decode(&content_type, &bytes).expect("a value"),
        Value::Joined(_) => unreachable!("resolved"),
    });
    first.into_iter().chain(read.args).collect()
}
