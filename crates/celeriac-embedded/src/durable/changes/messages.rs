//! Messages that enter, and deaths that are counted.

use std::sync::Arc;

use celeriac_core::MessageId;

use super::Change;
use crate::durable::journal::{Group, Tables, count_deaths};
use crate::hub::Hub;
use crate::live::{Arrival, Wake};

/// Messages that enter. Their room is reserved; it is given up if they don't.
pub(crate) struct Enqueue {
    pub(crate) groups: Vec<Group>,
    pub(crate) hub: Arc<Hub>,
}

impl Change for Enqueue {
    type Answer = ();
    const OPERATION: &'static str = "publish";
    const GROWS: bool = true;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        self.groups.iter_mut().for_each(|group| tables.place(group));
        Ok(())
    }

    fn committed(mut self, hub: &Hub, (): &()) {
        let groups = std::mem::take(&mut self.groups);
        let mut wake = Wake::default();
        let mut queues = hub.queues.lock();
        for group in groups {
            let (pack, first) = group.placed;
            let arrival = Arrival {
                queue: group.index,
                priority: group.priority,
                pack,
                first,
                messages: group.messages,
                bytes: group.bytes.len(),
            };
            queues.arrive(arrival, &mut wake);
        }
        drop(queues);
    }
}

impl Drop for Enqueue {
    fn drop(&mut self) {
        if self.groups.is_empty() {
            return;
        }
        let mut wake = Wake::default();
        let mut queues = self.hub.queues.lock();
        for group in &self.groups {
            queues.unreserve(group.index, group.messages.len(), &mut wake);
        }
        drop(queues);
    }
}

/// A process died while it ran these.
pub(crate) struct CountDeaths(pub(crate) Vec<MessageId>);

impl Change for CountDeaths {
    type Answer = ();
    const OPERATION: &'static str = "count deaths";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        count_deaths(tables.connection, &self.0)
    }

    fn committed(self, hub: &Hub, (): &()) {
        let mut queues = hub.queues.lock();
        for id in self.0 {
            *queues.deaths.entry(id).or_default() += 1;
        }
    }
}

/// Nothing: when it is done, everything before it is.
pub(crate) struct Nothing;

impl Change for Nothing {
    type Answer = ();
    const OPERATION: &'static str = "flush";
    const GROWS: bool = false;

    fn apply(&mut self, _tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn committed(self, _hub: &Hub, (): &()) {}
}
