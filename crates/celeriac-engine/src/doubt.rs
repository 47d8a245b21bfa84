//! Which deliveries may be repetitions, so that their outcomes must be looked up.

use celeriac_core::MessageId;
use celeriac_core::broker::Delivery;

/// How many recent ids are remembered.
const REMEMBERED: usize = 1024;

/// Remembers recent ids and tells which deliveries may repeat an earlier one.
///
/// It may doubt too much (that costs a look-up), and it forgets: an older
/// repetition is run again, and its second outcome refused by the store.
#[derive(Debug)]
pub struct Doubt {
    /// One id per value of its last bits: the later one stays.
    recent: Box<[Option<MessageId>]>,
}

impl Default for Doubt {
    fn default() -> Self {
        Self { recent: vec![None; REMEMBERED].into() }
    }
}

impl Doubt {
    /// The ids among `deliveries` whose outcome must be looked up; remembers
    /// all of them.
    pub fn examine(&mut self, deliveries: &[Delivery]) -> Vec<MessageId> {
        let mut doubtful = Vec::new();
        for delivery in deliveries {
            let Ok(message) = &delivery.payload else {
                continue;
            };
            let seen_before = self.remember(message.id);
            if seen_before || delivery.redelivered || message.may_repeat {
                doubtful.push(message.id);
            }
        }
        doubtful
    }

    fn remember(&mut self, id: MessageId) -> bool {
        let position = id.hash_bits() % REMEMBERED as u64;
        // The remainder is below the length of the table.
        let slot = &mut self.recent[usize::try_from(position).unwrap_or_default()];
        slot.replace(id) == Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::broker::Receipt;
    use celeriac_core::{Message, Name};

    fn delivery(redelivered: bool, may_repeat: bool) -> Delivery {
        let mut message = Message::command(Name::from_static("t"), "");
        message.may_repeat = may_repeat;
        Delivery { receipt: Receipt(0), redelivered, deaths: 0, payload: Ok(message.into()) }
    }

    #[test]
    fn fresh_messages_are_not_doubted() {
        let fresh = [delivery(false, false), delivery(false, false)];
        assert!(Doubt::default().examine(&fresh).is_empty());
    }

    #[test]
    fn repetitions_are_doubted() {
        let twice = delivery(false, false);
        let twice = [twice.clone(), twice];
        assert_eq!(Doubt::default().examine(&twice).len(), 1);
        assert_eq!(Doubt::default().examine(&[delivery(true, false)]).len(), 1);
        assert_eq!(Doubt::default().examine(&[delivery(false, true)]).len(), 1);
    }
}
