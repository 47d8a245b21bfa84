//! Cancelling reaches parts: what is read to find them, and what becomes of
//! them. It reads nothing itself: whoever has a store asks and gives.

use celeriac_core::store::{Transition, WorkflowFilter};
use celeriac_core::workflow::{End, Record, Status, StepMark};
use celeriac_core::{MessageId, Timestamp};

/// How many parts are asked for at once.
const PAGE: usize = 256;

/// The way to all parts of a workflow that are in a scope: of a workflow that
/// is cancelled, its own; of a group that fails fast, the group's.
///
/// Their messages bear the scope, so none of them is run any more; but one may
/// come by late, so what is under way in them is noted as cancelled at once.
/// While something is [wanted](Self::wanted), it is to be [given](Self::give)
/// what `Workflows::list` answers; then it says [what is to be
/// noted](Self::into_noted).
#[derive(Debug)]
pub struct Cancelled {
    scope: MessageId,
    at: Timestamp,
    /// Whose parts are still to be read, the latest first.
    open: Vec<WorkflowFilter>,
    noted: Noted,
}

/// What is to be noted of parts, in this order: parts of parts come first, so
/// that whoever does it again finds what is left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Noted {
    /// Their steps.
    pub marks: Vec<StepMark>,
    /// Their ends.
    pub ends: Vec<Transition>,
}

impl Cancelled {
    /// The parts of `workflow`, and theirs, that are in `scope`.
    #[must_use]
    pub fn within(workflow: MessageId, scope: MessageId, at: Timestamp) -> Self {
        Self { scope, at, open: vec![parts_of(workflow)], noted: Noted::default() }
    }

    /// What is to be read next, and how many at the most; `None` when all was.
    #[must_use]
    pub fn wanted(&self) -> Option<(&WorkflowFilter, usize)> {
        self.open.last().map(|filter| (filter, PAGE))
    }

    /// Takes what was read.
    pub fn give(&mut self, found: &[Record]) {
        match (self.open.last_mut(), found.last()) {
            (Some(filter), Some(last)) if found.len() == PAGE => {
                filter.before = Some(last.workflow.id);
            }
            _ => drop(self.open.pop()),
        }
        for record in found {
            let (workflow, epoch) = (&record.workflow, record.epoch);
            if !workflow.scopes.contains(&self.scope) {
                continue;
            }
            self.open.push(parts_of(workflow.id));
            self.noted.marks.push(StepMark {
                workflow: workflow.id,
                first: workflow.root,
                count: workflow.end.0 - workflow.root.0,
                epoch,
                status: Status::Cancelled,
            });
            let (id, end, at) = (workflow.id, Some(End::Cancelled), self.at);
            self.noted.ends.push(Transition { id, epoch, end, at });
        }
    }

    /// What is to be noted, once nothing is wanted.
    #[must_use]
    pub fn into_noted(self) -> Noted {
        let Noted { mut marks, mut ends } = self.noted;
        marks.reverse();
        ends.reverse();
        Noted { marks, ends }
    }
}

/// Those that have ended have no parts under way.
fn parts_of(workflow: MessageId) -> WorkflowFilter {
    let (part_of, status) = (Some(workflow), Some(Status::Running));
    WorkflowFilter { part_of, status, ..WorkflowFilter::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::workflow::{Parent, StepId, Workflow};
    use celeriac_core::{Name, QueueName};

    fn id(number: u128) -> MessageId {
        MessageId::from_parts(Timestamp::from_millis(1), number << 64)
    }

    fn part(number: u128, of: u128, scopes: &[u128]) -> Record {
        let workflow = Workflow {
            id: id(number),
            name: Name::from_static("test"),
            version: 0,
            graph: id(1),
            root: StepId(2),
            end: StepId(5),
            parent: Some(Parent { workflow: id(of), step: StepId(1), round: 0 }),
            scopes: scopes.iter().map(|scope| id(*scope)).collect(),
            path: Vec::new(),
            queue: QueueName::DEFAULT,
            created_at: Timestamp::from_millis(1),
            expires_at: Timestamp::NEVER,
        };
        Record { workflow, epoch: 3, end: None, ended_at: None }
    }

    #[test]
    fn parts_of_parts_in_the_scope_are_noted_first() {
        let mut cancelled = Cancelled::within(id(1), id(9), Timestamp::from_millis(7));
        let mut asked = Vec::new();
        while let Some((filter, _)) = cancelled.wanted() {
            let whole = filter.part_of.unwrap();
            asked.push(whole);
            let found = match whole {
                whole if whole == id(1) => vec![part(2, 1, &[1, 9, 2]), part(3, 1, &[1, 3])],
                whole if whole == id(2) => vec![part(4, 2, &[1, 9, 2, 4])],
                _ => Vec::new(),
            };
            cancelled.give(&found);
        }
        assert_eq!(asked, [id(1), id(2), id(4)]);
        let Noted { marks, ends } = cancelled.into_noted();
        let marked = marks.iter().map(|mark| (mark.workflow, mark.first, mark.count, mark.epoch));
        assert_eq!(Vec::from_iter(marked), [(id(4), StepId(2), 3, 3), (id(2), StepId(2), 3, 3)]);
        assert_eq!(Vec::from_iter(ends.iter().map(|end| end.id)), [id(4), id(2)]);
    }

    #[test]
    fn pages_meet() {
        let mut cancelled = Cancelled::within(id(1), id(1), Timestamp::from_millis(7));
        let all = (0..PAGE as u128 + 1).rev().map(|number| part(100 + number, 1, &[1]));
        let all = Vec::from_iter(all);
        let mut noted = 0;
        while let Some((filter, max)) = cancelled.wanted() {
            let of_first = filter.part_of == Some(id(1));
            let is_before = |record: &&Record| {
                of_first && filter.before.is_none_or(|before| record.workflow.id < before)
            };
            let found = all.iter().filter(is_before);
            let found = Vec::from_iter(found.take(max).cloned());
            noted += found.len();
            cancelled.give(&found);
        }
        assert_eq!((noted, cancelled.into_noted().ends.len()), (PAGE + 1, PAGE + 1));
    }
}
