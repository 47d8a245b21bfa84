//! Resolving: what has to be read so that a reference becomes a value. It
//! reads nothing itself: whoever has a store asks and gives.

use celeriac_core::MessageId;
use celeriac_core::workflow::{Member, Reference, StepId, Value};

use super::listing::{AssembleError, assemble};

/// How many members are asked for at once.
const PAGE: usize = 1000;

/// Members that are wanted next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The workflow.
    pub workflow: MessageId,
    /// Its join.
    pub join: StepId,
    /// The first member.
    pub from: u32,
    /// How many at the most.
    pub max: usize,
}

/// Why a reference has no value.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Members are gone.
    #[error(
        "member {from} of join {join} of workflow {workflow} is not kept any more; keep \
         workflows longer (`tasks.result_ttl`)"
    )]
    Gone {
        /// The workflow.
        workflow: MessageId,
        /// Its join.
        join: StepId,
        /// The member.
        from: u32,
    },
    /// The members make no value.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
}

/// A reference on its way to a value: while something is [wanted](Self::wanted),
/// it is to be [given](Self::give) what `Joins::members` answers.
#[derive(Debug)]
pub struct Resolver {
    /// What is being read, the innermost last.
    levels: Vec<Level>,
    value: Option<Value>,
}

#[derive(Debug)]
struct Level {
    reference: Reference,
    members: Vec<Member>,
    /// Members before this one are no references.
    resolved: usize,
}

impl Level {
    const fn new(reference: Reference) -> Self {
        Self { reference, members: Vec::new(), resolved: 0 }
    }

    fn is_full(&self) -> bool {
        self.members.len() >= self.reference.width as usize
    }
}

impl Resolver {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(reference: Reference) -> Self {
        Self { levels: vec![Level::new(reference)], value: None }
    }

    /// What is to be read next; `None` when the [value](Self::into_value) is there.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        let Level { reference, members, .. } = self.levels.last()?;
        Some(Wanted {
            workflow: reference.workflow,
            join: reference.join,
            // A join has at most as many members as a graph has steps.
            from: u32::try_from(members.len()).unwrap_or(u32::MAX),
            max: PAGE.min(reference.width as usize - members.len()),
        })
    }

    /// Takes what was read.
    ///
    /// # Errors
    /// [`ResolveError`] if the members that were wanted do not come, or make
    /// no value.
    pub fn give(&mut self, members: Vec<(u32, Member)>) -> Result<(), ResolveError> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let before = level.members.len();
        for (index, member) in members {
            if index as usize != level.members.len() {
                break;
            }
            level.members.push(member);
        }
        if level.members.len() == before && !level.is_full() {
            let Reference { workflow, join, .. } = level.reference;
            let from = u32::try_from(before).unwrap_or(u32::MAX);
            return Err(ResolveError::Gone { workflow, join, from });
        }
        self.fold()
    }

    /// The value, once nothing is wanted.
    #[must_use]
    pub fn into_value(self) -> Option<Value> {
        self.value
    }

    /// Finishes levels that are full; goes down into references.
    fn fold(&mut self) -> Result<(), ResolveError> {
        while let Some(level) = self.levels.last_mut() {
            if !level.is_full() {
                return Ok(());
            }
            let references = level.members[level.resolved..].iter().position(Member::is_elsewhere);
            if let Some(next) = references {
                level.resolved += next;
                if let Member::Value(Value::Joined(inner)) = &level.members[level.resolved] {
                    let inner = inner.clone();
                    self.levels.push(Level::new(inner));
                }
                continue;
            }
            let value = assemble(&level.reference.form, &level.members)?;
            self.levels.pop();
            match self.levels.last_mut() {
                Some(outer) => outer.members[outer.resolved] = Member::Value(value),
                None => self.value = Some(value),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::Timestamp;
    use celeriac_core::workflow::Form;

    fn reference(join: u32, width: u32) -> Reference {
        let workflow = MessageId::from_parts(Timestamp::from_millis(1), 7);
        Reference { workflow, join: StepId(join), width, form: Form::List }
    }

    fn one(json: &'static str) -> Member {
        Member::Value(Value::json(json))
    }

    #[test]
    fn references_within_references_are_read_in_pages() {
        let mut resolver = Resolver::new(reference(1, 3));
        let mut asked = Vec::new();
        while let Some(wanted) = resolver.wanted() {
            asked.push((wanted.join.0, wanted.from, wanted.max));
            let member = match (wanted.join.0, wanted.from) {
                (1, 1) => Member::Value(Value::Joined(reference(2, 2))),
                (2, _) => one("8"),
                _ => one("9"),
            };
            resolver.give(vec![(wanted.from, member)]).unwrap();
        }
        assert_eq!(asked, [(1, 0, 3), (1, 1, 2), (1, 2, 1), (2, 0, 2), (2, 1, 1)]);
        assert_eq!(resolver.into_value(), Some(Value::json("[9,[8,8],9]")));
    }

    #[test]
    fn members_that_are_gone_are_named() {
        let mut resolver = Resolver::new(reference(1, 3));
        resolver.give(vec![(0, one("1"))]).unwrap();
        let error = resolver.give(vec![(2, one("1"))]).unwrap_err();
        assert!(error.to_string().starts_with("member 1 of join 1"), "{error}");
    }
}
