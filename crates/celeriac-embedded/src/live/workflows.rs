//! Workflows and joins in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use celeriac_core::store::{Join, Joined, Reopen, Transition, WorkflowFilter};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{MessageId, Timestamp};

use super::id_map::IdMap;
use super::join_state::JoinState;
use super::step_status::StepStatus;

/// At most this many expired workflows are looked at per call.
const SWEEP: usize = 4;
/// One that still runs when it expires is looked at again after this many ms.
const AGAIN_MS: u64 = 60_000;
/// Members are answered up to this weight, and at least one.
pub(crate) const MEMBERS_WEIGHT: u64 = 4 << 20;

/// A member of a join, or the epoch that one is waited for in again.
#[derive(Debug)]
struct Place {
    epoch: u32,
    member: Option<Member>,
}

#[derive(Debug, Default)]
struct JoinMembers {
    state: JoinState,
    places: BTreeMap<u32, Place>,
}

#[derive(Debug)]
struct Kept {
    record: Record,
    pages: BTreeMap<u32, Arc<Page>>,
    statuses: Vec<StepStatus>,
    joins: HashMap<StepId, JoinMembers>,
    parts: Vec<MessageId>,
    /// When it is looked at whether it has expired.
    looked_at: Timestamp,
}

/// Workflows and joins in memory.
#[derive(Debug, Default)]
pub(crate) struct Workflows {
    kept: IdMap<Kept>,
    by_age: BTreeSet<MessageId>,
    by_expiry: BTreeSet<(Timestamp, MessageId)>,
}

impl Workflows {
    pub(crate) fn create(&mut self, new: NewWorkflow, now: Timestamp) -> bool {
        self.sweep(now);
        let NewWorkflow { workflow, epoch, pages } = new;
        let id = workflow.id;
        if self.kept.contains_key(&id) {
            return false;
        }
        let parent = workflow.parent.as_ref().map(|parent| parent.workflow);
        if let Some(whole) = parent.and_then(|parent| self.kept.get_mut(&parent)) {
            whole.parts.push(id);
        }
        let looked_at = workflow.expires_at;
        let steps = (workflow.end.0 - workflow.root.0) as usize;
        self.by_age.insert(id);
        self.by_expiry.insert((looked_at, id));
        let pages = pages.into_iter().map(|page| (page.first.0, Arc::new(page)));
        let kept = Kept {
            record: Record { workflow, epoch, end: None, ended_at: None },
            pages: pages.collect(),
            statuses: vec![StepStatus::default(); steps],
            joins: HashMap::new(),
            parts: Vec::new(),
            looked_at,
        };
        self.kept.insert(id, kept);
        true
    }

    pub(crate) fn record(&self, id: MessageId) -> Option<Record> {
        self.kept.get(&id).map(|kept| kept.record.clone())
    }

    pub(crate) fn page(&self, graph: MessageId, step: StepId) -> Option<Arc<Page>> {
        let page = self.kept.get(&graph)?.pages.range(..=step.0).next_back()?.1;
        page.node(step).map(|_| page.clone())
    }

    pub(crate) fn transition(&mut self, transition: Transition) -> bool {
        let Some(kept) = self.kept.get_mut(&transition.id) else {
            return false;
        };
        let record = &mut kept.record;
        let before = (record.epoch, record.end.is_some());
        let changes = (transition.epoch, transition.end.is_some()) > before;
        if changes {
            record.epoch = transition.epoch;
            record.ended_at = transition.end.is_some().then_some(transition.at);
            record.end = transition.end;
        }
        changes
    }

    pub(crate) fn mark(&mut self, mark: &StepMark) {
        let Some(kept) = self.kept.get_mut(&mark.workflow) else {
            return;
        };
        let root = kept.record.workflow.root.0;
        let first = mark.first.0.saturating_sub(root) as usize;
        let end = mark.first.0.saturating_add(mark.count).saturating_sub(root) as usize;
        let end = end.min(kept.statuses.len());
        for status in kept.statuses.get_mut(first..end).unwrap_or_default() {
            *status = status.noted(mark.epoch, mark.status);
        }
    }

    pub(crate) fn steps(&self, id: MessageId, first: StepId, max: usize) -> Vec<Status> {
        let Some(kept) = self.kept.get(&id) else {
            return Vec::new();
        };
        let skip = first.0.saturating_sub(kept.record.workflow.root.0) as usize;
        kept.statuses.iter().skip(skip).take(max).map(|status| status.status()).collect()
    }

    pub(crate) fn list(&self, filter: &WorkflowFilter, max: usize) -> Vec<Record> {
        if let Some(whole) = filter.part_of {
            let parts = self.kept.get(&whole).map(|kept| kept.parts.clone());
            let parts = BTreeSet::from_iter(parts.unwrap_or_default());
            return self.listed(parts.iter().rev(), filter, max);
        }
        self.listed(self.by_age.iter().rev(), filter, max)
    }

    fn listed<'a>(
        &self,
        ids: impl Iterator<Item = &'a MessageId>,
        filter: &WorkflowFilter,
        max: usize,
    ) -> Vec<Record> {
        let records = ids.filter_map(|id| self.kept.get(id));
        let records = records.map(|kept| &kept.record).filter(|record| filter.matches(record));
        records.take(max).cloned().collect()
    }

    /// Forgets a workflow and its parts; whether it was there.
    pub(crate) fn forget(&mut self, id: MessageId) -> bool {
        let Some(kept) = self.kept.remove(&id) else {
            return false;
        };
        self.by_age.remove(&id);
        self.by_expiry.remove(&(kept.looked_at, id));
        for part in kept.parts {
            self.forget(part);
        }
        true
    }

    pub(crate) fn join(&mut self, join: Join) -> Joined {
        let Some(kept) = self.kept.get_mut(&join.workflow) else {
            return Joined::default();
        };
        let members = kept.joins.entry(join.join).or_default();
        match members.places.get(&join.index) {
            Some(Place { member: Some(_), .. }) => return members.state.0,
            Some(Place { epoch, member: None }) if join.epoch < *epoch => {
                return Joined { closed_by: None, ..members.state.0 };
            }
            Some(_) | None => {}
        }
        members.state.add(&join);
        let place = Place { epoch: join.epoch, member: Some(join.member) };
        members.places.insert(join.index, place);
        members.state.0
    }

    pub(crate) fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> Vec<(u32, Member)> {
        let members = self.kept.get(&workflow).and_then(|kept| kept.joins.get(&join));
        let Some(members) = members else {
            return Vec::new();
        };
        let places = members.places.range(from..);
        let ended = places.filter_map(|(index, place)| Some((*index, place.member.as_ref()?)));
        let mut weight = 0;
        let mut answer = Vec::new();
        for (index, member) in ended.take(max) {
            weight += weight_of(member);
            if weight > MEMBERS_WEIGHT && !answer.is_empty() {
                break;
            }
            answer.push((index, member.clone()));
        }
        answer
    }

    pub(crate) fn reopen(&mut self, reopen: &Reopen) {
        let Some(kept) = self.kept.get_mut(&reopen.workflow) else {
            return;
        };
        let members = kept.joins.entry(reopen.join).or_default();
        if members.places.get(&reopen.index).is_some_and(|place| place.epoch >= reopen.epoch) {
            return;
        }
        let open = Place { epoch: reopen.epoch, member: None };
        let former = members.places.insert(reopen.index, open);
        let Some(former) = former.and_then(|place| place.member) else {
            return;
        };
        let is_error = |place: &Place| place.member.as_ref().is_some_and(Member::is_error);
        let failed = members.places.iter().find(|(_, place)| is_error(place));
        let failed = failed.map(|(index, _)| *index);
        members.state.remove(former.weight(), failed);
    }

    /// Forgets some that have ended and are expired.
    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..SWEEP {
            let Some((at, id)) = self.by_expiry.first().filter(|(at, _)| *at <= now).copied()
            else {
                return;
            };
            self.by_expiry.remove(&(at, id));
            match self.kept.get_mut(&id) {
                Some(kept) if kept.record.end.is_none() => {
                    kept.looked_at = Timestamp::from_millis(now.as_millis() + AGAIN_MS);
                    self.by_expiry.insert((kept.looked_at, id));
                }
                Some(_) | None => {
                    self.forget(id);
                }
            }
        }
    }
}

/// How much a member takes when it is answered.
fn weight_of(member: &Member) -> u64 {
    match member {
        Member::Value(value) => value.bytes().unwrap_or(64) as u64,
        Member::Error(_) => member.weight(),
    }
}
