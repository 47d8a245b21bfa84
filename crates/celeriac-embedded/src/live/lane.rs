//! A lane: the messages of one queue and priority, in order of arrival.

use std::collections::VecDeque;
use std::sync::Arc;

use celeriac_core::Message;
use celeriac_core::broker::Undecodable;

/// What a delivery carries.
pub(crate) type Payload = Result<Arc<Message>, Box<Undecodable>>;

/// Where a message stands: it orders the messages of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(pub(crate) u64);

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) place: Place,
    pub(crate) redelivered: bool,
    pub(crate) payload: Payload,
}

/// The messages of one queue and priority.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) ready: VecDeque<Ready>,
}

impl Lane {
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
}
