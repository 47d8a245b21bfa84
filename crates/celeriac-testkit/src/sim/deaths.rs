//! Deaths of processes as a broker counts them: of what had begun and was not
//! settled. Only where one message is poison: other deaths are nobody's fault.

use std::collections::{BTreeMap, HashMap};

use celeriac_core::broker::{Delivery, Receipt};
use celeriac_core::store::{Filter, Reason};
use celeriac_core::{MessageId, Name};

use super::sky::Sky;
use super::weather::Weather;

/// More messages than a scenario sends.
const MANY: usize = 100_000;

/// Which task kills its process, and what has died of it.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    /// The task, and how many deaths make a culprit.
    pub(super) poison: Option<(Name, u32)>,
    begun: HashMap<Receipt, (String, MessageId)>,
    counted: BTreeMap<MessageId, u32>,
}

impl Deaths {
    /// These begin to run in a process.
    pub(super) fn begin(
        &mut self,
        host: &str,
        begun: impl IntoIterator<Item = (Receipt, MessageId)>,
    ) {
        let begun = begun.into_iter().map(|(receipt, id)| (receipt, (host.to_owned(), id)));
        self.begun.extend(begun);
    }

    pub(super) fn settle(&mut self, receipts: impl IntoIterator<Item = Receipt>) {
        receipts.into_iter().for_each(|receipt| drop(self.begun.remove(&receipt)));
    }

    /// A process dies with all that it had begun.
    pub(super) fn die(&mut self, host: &str) {
        let Self { begun, counted, .. } = self;
        begun.retain(|_, (of, id)| {
            let dies = of == host;
            if dies {
                *counted.entry(*id).or_default() += 1;
            }
            !dies
        });
    }

    /// Says of each delivery how many processes have died of it.
    pub(super) fn mark(&self, deliveries: &mut [Delivery]) {
        for delivery in deliveries {
            let Ok(message) = &delivery.payload else { continue };
            delivery.deaths = self.counted.get(&message.id).copied().unwrap_or_default();
        }
    }
}

impl Weather {
    /// Where deaths are counted, no process dies but of poison, and nothing is
    /// taken from one that lives: two that ran the same would both count.
    pub(super) const fn without_deaths(self) -> Self {
        Self { crash: 0, refuse: 0, doubt: 0, lease: 0, cut: 0, duplicate: 0, lost_ack: 0, ..self }
    }
}

/// What is poison waits for a person, and has killed no more than it may; what
/// is not does not.
pub(super) async fn check(sky: &Sky, wrong: &mut Vec<String>) -> celeriac_core::error::Result<()> {
    let Some((poison, limit)) = sky.state().deaths.poison.clone() else { return Ok(()) };
    let filter = Filter { reason: Some(Reason::KilledWorkers), ..Filter::default() };
    let found = sky.store.quarantined(&filter, MANY).await?;
    let found = Vec::from_iter(found.iter().map(|found| found.content.id()));
    let state = sky.state();
    for message in state.history.lone_commands() {
        let (id, name) = (message.id, &message.name);
        let deaths = state.deaths.counted.get(&id).copied().unwrap_or_default();
        match (message.name == poison, found.contains(&id)) {
            (true, false) => wrong.push(format!("{name} {id} has killed {deaths}, and is free")),
            (false, true) => wrong.push(format!("{name} {id} is no poison, and in quarantine")),
            (true, true) if deaths > limit => {
                wrong.push(format!("{name} {id} has killed {deaths}, not {limit}"));
            }
            _ => {}
        }
    }
    Ok(())
}
