//! The simulated world: a broker and a store, in memory, with bugs on demand.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use celeriac_core::store::{Join, Joined, Reopen};
use celeriac_core::workflow::{
    End, Member, NewWorkflow, Page, Record, Reference, Status, StepId, StepMark, Value, Workflow,
};
use celeriac_core::{Message, MessageId};
use celeriac_engine::canvas::assemble;

use celeriac_testkit::canvas::Ran;

/// A mistake that the checker must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// A join counts what comes, instead of keeping a set.
    Counter,
    /// Every member that finds the join closed takes itself for who closed it.
    EveryCloser,
    /// A delivery is settled before what follows from it is published.
    SettleFirst,
}

#[derive(Debug, Default)]
pub(super) struct JoinState {
    pub(super) members: BTreeMap<u32, (u32, Member)>,
    reopened: HashMap<u32, u32>,
    counter: u32,
    pub(super) closed_by: Option<u32>,
    pub(super) fail_fast: bool,
}

/// A message that waits, or is being worked on.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) key: u64,
    pub(super) message: Arc<Message>,
    pub(super) held: bool,
    /// The receipt of its latest delivery: an older one settles nothing.
    pub(super) receipt: u64,
    /// Whether it may have been worked on before.
    pub(super) redelivered: bool,
}

/// Broker and store.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) bug: Option<Bug>,
    pub(super) waiting: Vec<Waiting>,
    next_key: u64,
    pub(super) records: BTreeMap<MessageId, Record>,
    graphs: HashMap<MessageId, Vec<Page>>,
    pub(super) joins: BTreeMap<(MessageId, StepId), JoinState>,
    pub(super) statuses: HashMap<(MessageId, StepId), (u32, Status)>,
    pub(super) outcomes: HashMap<MessageId, Ran>,
    pub(super) revoked: HashSet<MessageId>,
    /// Every message that was ever published, and the messages that caused it.
    pub(super) published: BTreeMap<MessageId, (Arc<Message>, BTreeSet<MessageId>)>,
    /// What was run, by the id of its message.
    pub(super) runs: BTreeMap<MessageId, String>,
    pub(super) violations: Vec<String>,
}

impl World {
    pub(super) fn new(bug: Option<Bug>) -> Self {
        Self { bug, ..Self::default() }
    }

    pub(super) fn create(&mut self, new: NewWorkflow) {
        let id = new.workflow.id;
        if self.records.contains_key(&id) {
            return;
        }
        if !new.pages.is_empty() {
            self.graphs.insert(id, small(new.pages));
        }
        let NewWorkflow { workflow, epoch, .. } = new;
        self.records.insert(id, Record { workflow, epoch, end: None, ended_at: None });
    }

    pub(super) fn page(&self, graph: MessageId, step: StepId) -> Page {
        let pages = &self.graphs[&graph];
        pages.iter().find(|page| page.node(step).is_some()).expect("a page").clone()
    }

    pub(super) fn pages(&self, graph: MessageId) -> Vec<Page> {
        self.graphs[&graph].clone()
    }

    pub(super) fn workflow(&self, id: MessageId) -> &Workflow {
        &self.records[&id].workflow
    }

    pub(super) fn publish(&mut self, message: Arc<Message>, cause: MessageId) {
        let known = self.published.entry(message.id);
        let (first, causes) = known.or_insert_with(|| (message.clone(), BTreeSet::new()));
        causes.insert(cause);
        let differs = first.body != message.body || first.name != message.name;
        if differs {
            self.violations
                .push(format!("{} {} is sent with two bodies", message.name, message.id));
        }
        self.put(message, false);
    }

    pub(super) fn put(&mut self, message: Arc<Message>, redelivered: bool) {
        self.next_key += 1;
        self.waiting.push(Waiting {
            key: self.next_key,
            message,
            held: false,
            receipt: 0,
            redelivered,
        });
    }

    pub(super) fn settle(&mut self, key: u64, receipt: u64) {
        self.waiting.retain(|waiting| waiting.key != key || waiting.receipt != receipt);
    }

    /// A delivery goes back.
    pub(super) fn release(&mut self, key: u64, receipt: u64) {
        let mut waiting = self.waiting.iter_mut();
        if let Some(it) = waiting.find(|it| it.key == key && it.receipt == receipt) {
            (it.held, it.redelivered) = (false, true);
        }
    }

    pub(super) fn join(&mut self, join: Join) -> Joined {
        let state = self.joins.entry((join.workflow, join.join)).or_default();
        state.fail_fast = join.fail_fast;
        if state.reopened.get(&join.index).is_some_and(|epoch| join.epoch < *epoch) {
            return Joined::default();
        }
        state.counter += 1;
        let is_new = !state.members.contains_key(&join.index);
        let failed_fast = join.fail_fast && join.member.is_error();
        let new_count = state.members.len() as u32 + u32::from(is_new);
        let count = if self.bug == Some(Bug::Counter) { state.counter } else { new_count };
        if is_new {
            state.members.insert(join.index, (join.epoch, join.member));
        }
        let counts = is_new || self.bug == Some(Bug::Counter);
        if counts && state.closed_by.is_none() && (count >= join.width || failed_fast) {
            state.closed_by = Some(join.index);
        }
        let mut closed_by = state.closed_by;
        if self.bug == Some(Bug::EveryCloser) {
            closed_by = closed_by.map(|_| join.index);
        }
        let members = state.members.iter();
        let failed = members.clone().find(|(_, (_, member))| member.is_error());
        Joined {
            closed_by,
            done: count,
            failed: failed.map(|(index, _)| *index),
            weight: members.map(|(_, (_, member))| member.weight()).sum(),
        }
    }

    pub(super) fn reopen(&mut self, reopen: Reopen) {
        let state = self.joins.entry((reopen.workflow, reopen.join)).or_default();
        let taken = state.members.get(&reopen.index);
        if taken.is_some_and(|(epoch, _)| *epoch >= reopen.epoch) {
            return;
        }
        state.members.remove(&reopen.index);
        state.reopened.insert(reopen.index, reopen.epoch);
        state.closed_by = None;
    }

    pub(super) fn members(&self, of: (MessageId, StepId), from: u32, count: u32) -> Vec<Member> {
        let members = &self.joins[&of].members;
        let range = members.range(from..from.saturating_add(count));
        range.map(|(_, (_, member))| member.clone()).collect()
    }

    /// The value of a reference, with those that it refers to.
    pub(super) fn resolve(&self, reference: &Reference) -> Value {
        let of = (reference.workflow, reference.join);
        let members = self.members(of, 0, reference.width).into_iter().map(|member| match member {
            Member::Value(Value::Joined(inner)) => Member::Value(self.resolve(&inner)),
            member => member,
        });
        assemble(&reference.form, &Vec::from_iter(members)).expect("a value")
    }

    pub(super) fn mark(&mut self, mark: &StepMark) {
        for step in mark.first.0..mark.first.0 + mark.count {
            let key = (mark.workflow, StepId(step));
            let known = self.statuses.entry(key).or_default();
            *known = match mark.epoch.cmp(&known.0) {
                std::cmp::Ordering::Less => *known,
                std::cmp::Ordering::Equal => (known.0, known.1.after(mark.status)),
                std::cmp::Ordering::Greater => (mark.epoch, mark.status),
            };
        }
    }

    pub(super) fn transition(&mut self, id: MessageId, epoch: u32, end: Option<End>) {
        let record = self.records.get_mut(&id).expect("a record");
        if (epoch, end.is_some()) > (record.epoch, record.end.is_some()) {
            (record.epoch, record.end) = (epoch, end);
        }
    }
}

/// The same graph on pages of three steps, so that many are asked for.
fn small(pages: Vec<Page>) -> Vec<Page> {
    let nodes = Vec::from_iter(pages.into_iter().flat_map(|page| page.nodes.to_vec()));
    let chunks = nodes.chunks(3).enumerate();
    chunks.map(|(at, nodes)| Page { first: StepId(at as u32 * 3), nodes: nodes.into() }).collect()
}
