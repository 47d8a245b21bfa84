//! What follows from steps that have ended, in one script: a server that is one
//! with itself does all of it, or nothing.

use celeriac_core::broker::Limit;
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined, StoreId};
use redis::Value;

use crate::Redis;
use crate::broker::{CALL_BYTES, CALL_MESSAGES, Publishings};
use crate::call::Call;
use crate::reply;
use crate::script::ADVANCE;
use crate::store::{Recording, all_joined};

impl Redis {
    /// In a cluster, a script touches the keys of one slot only.
    pub(crate) fn one_with_itself(&self) -> Option<StoreId> {
        (!self.shared.client.is_cluster()).then_some(self.store_id)
    }

    pub(crate) async fn advance_at_once(&self, batch: Advance) -> Result<Option<Vec<Joined>>> {
        self.shared.check_open("advance")?;
        let Advance { complete, join, mark_steps, publish } = batch;
        let bytes = publish.iter().map(|message| message.body.len()).sum::<usize>();
        if publish.len() > CALL_MESSAGES || bytes > CALL_BYTES {
            // It would block the server; the longer way takes it in parts.
            return Ok(None);
        }
        let mut advance = Call::script(&ADVANCE, &self.shared.keys.domain("advance"));
        let Recording { calls: recording, records } = self.recording(&complete);
        let (joins, positions) = self.joining(&join);
        let marks = self.raising(mark_steps);
        let changed = complete.iter().map(|completion| completion.id).chain(marks.keys().copied());
        let telling = self.telling_of(changed);
        let Publishings { notes, calls, .. } = self.publishings(&publish, Limit::Exceed);
        for calls in [recording, joins, marks.into_values().collect(), calls] {
            advance.push(calls.len());
            for call in &calls {
                let mut words = call.words();
                advance.push(words.next().unwrap_or_default());
                let words = Vec::from_iter(words);
                advance.push(words.len());
                words.into_iter().for_each(|word| advance.push(word));
            }
        }
        let stages = [notes, vec![advance], telling];
        let [_, answers, _] = self.shared.client.in_order("advance", stages).await?;
        match answers.into_iter().next() {
            None | Some(Value::Nil) => Ok(None),
            Some(answer) => {
                let mut recorded = reply::list(answer)?;
                let joined = recorded.split_off(records.len().min(recorded.len()));
                self.recorded(records, recorded).await?;
                all_joined(&positions, joined).map(Some)
            }
        }
    }
}
