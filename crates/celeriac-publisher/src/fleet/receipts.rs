//! Receipts of a fleet: which delivery of which broker each stands for.

use std::collections::HashMap;

use celeriac_core::broker::{Delivery, Receipt, Settlement};

/// The open deliveries of a fleet.
#[derive(Default)]
pub(super) struct Receipts {
    latest: u64,
    open: HashMap<Receipt, Open>,
}

#[derive(Clone, Copy)]
struct Open {
    broker: usize,
    /// The fleet's consumer that took it.
    consumer: u64,
    receipt: Receipt,
}

/// Settlements of one broker: by the fleet's receipts, and by its own.
type OfBroker = (usize, Vec<Receipt>, Vec<Settlement>);

impl Receipts {
    /// Gives deliveries of a broker receipts of the fleet.
    pub(super) fn enter(&mut self, broker: usize, consumer: u64, deliveries: &mut [Delivery]) {
        for delivery in deliveries {
            self.latest += 1;
            let own = Receipt(self.latest);
            self.open.insert(own, Open { broker, consumer, receipt: delivery.receipt });
            delivery.receipt = own;
        }
    }

    /// What each broker is to be told; receipts that are not open are ignored.
    pub(super) fn look_up(&self, batch: &[Settlement]) -> Vec<OfBroker> {
        let mut parts: Vec<OfBroker> = Vec::new();
        for Settlement { receipt, verdict } in batch {
            let Some(open) = self.open.get(receipt) else { continue };
            let part = match parts.iter_mut().find(|part| part.0 == open.broker) {
                Some(part) => part,
                None => parts.push_mut((open.broker, Vec::new(), Vec::new())),
            };
            part.1.push(*receipt);
            part.2.push(Settlement { receipt: open.receipt, verdict: *verdict });
        }
        parts
    }

    /// The same, for receipts alone.
    pub(super) fn split(&self, receipts: &[Receipt]) -> Vec<(usize, Vec<Receipt>)> {
        let mut parts: Vec<(usize, Vec<Receipt>)> = Vec::new();
        for open in receipts.iter().filter_map(|receipt| self.open.get(receipt)) {
            match parts.iter_mut().find(|part| part.0 == open.broker) {
                Some(part) => part.1.push(open.receipt),
                None => parts.push((open.broker, vec![open.receipt])),
            }
        }
        parts
    }

    /// These are settled.
    pub(super) fn forget(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            self.open.remove(receipt);
        }
    }

    /// What this consumer took from a broker is no longer its own; from any
    /// broker, if none is named.
    pub(super) fn lost(&mut self, consumer: u64, broker: Option<usize>) {
        self.open.retain(|_, open| {
            open.consumer != consumer || broker.is_some_and(|broker| broker != open.broker)
        });
    }
}
