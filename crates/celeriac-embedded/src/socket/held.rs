//! Due messages whose answer is on the way to a client. Those whose connection
//! breaks before the answer was written are put back at once.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::hub::TakenDue;

/// What one client has taken and not got yet, by the number of its request.
#[derive(Debug, Default)]
pub(super) struct Held {
    on_the_way: Mutex<HashMap<u64, OnTheWay>>,
}

#[derive(Debug)]
struct OnTheWay {
    taken: TakenDue,
    /// Where the answer ends in what is sent to the client, once it is sent.
    end: Option<u64>,
}

impl Held {
    /// Keeps what a request has taken until its answer is written.
    pub(super) fn keep(&self, number: u64, taken: TakenDue) {
        self.on_the_way.lock().insert(number, OnTheWay { taken, end: None });
    }

    /// The answer was handed to the connection, and ends there.
    pub(super) fn sent(&self, number: u64, end: u64) {
        if let Some(on_the_way) = self.on_the_way.lock().get_mut(&number) {
            on_the_way.end = Some(end);
        }
    }

    /// The connection has written this much.
    pub(super) fn written(&self, written: u64) {
        let mut on_the_way = self.on_the_way.lock();
        let is_written = |_: &u64, it: &mut OnTheWay| it.end.is_some_and(|end| end <= written);
        on_the_way.extract_if(is_written).for_each(|(_, it)| it.taken.delivered());
    }

    /// Nobody waits for the answer any more.
    pub(super) fn put_back(&self, number: u64) {
        let gone = self.on_the_way.lock().remove(&number);
        drop(gone);
    }

    /// The connection has ended.
    pub(super) fn put_all_back(&self) {
        let gone = std::mem::take(&mut *self.on_the_way.lock());
        drop(gone);
    }
}
