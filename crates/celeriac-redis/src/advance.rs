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
use crate::store::all_joined;

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
        advance.push(complete.len());
        for completion in &complete {
            advance.push(self.shared.keys.outcome(completion.id));
            push_words(&mut advance, &Vec::from_iter(self.recording(completion).all_words()));
        }
        let (joins, positions) = self.joining(&join);
        let marks = self.raising(mark_steps);
        let changed = complete.iter().map(|completion| completion.id).chain(marks.keys().copied());
        let telling = self.telling_of(changed);
        let Publishings { notes, calls, .. } = self.publishings(&publish, Limit::Exceed);
        for calls in [joins, marks.into_values().collect(), calls] {
            advance.push(calls.len());
            for call in &calls {
                let mut words = call.words();
                advance.push(words.next().unwrap_or_default());
                push_words(&mut advance, &Vec::from_iter(words));
            }
        }
        let stages = [notes, vec![advance], telling];
        let [_, answers, _] = self.shared.client.in_order("advance", stages).await?;
        match answers.into_iter().next() {
            None | Some(Value::Nil) => Ok(None),
            Some(answer) => all_joined(&positions, reply::list(answer)?).map(Some),
        }
    }
}

fn push_words(call: &mut Call, words: &[&[u8]]) {
    call.push(words.len());
    words.iter().for_each(|word| call.push(*word));
}
