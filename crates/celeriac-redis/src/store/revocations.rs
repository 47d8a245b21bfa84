//! [`Revocations`]: a sorted set by the end of each, and one by number.
//!
//! What is revoked is asked for before every batch runs, so it is remembered
//! here, and read again only when the server says that there is more.

use std::collections::HashMap;

use celeriac_core::error::Result;
use celeriac_core::store::{Changes, Revocations};
use celeriac_core::{BoxFuture, MessageId, Timestamp};

use crate::Redis;
use crate::call::Call;
use crate::reply;
use crate::script::REVOKE;

/// The longest that a sorted set counts exactly.
const LAST_MILLIS: u64 = 1 << 53;

/// What was revoked when this was read.
#[derive(Default)]
pub(super) struct Known {
    /// How many revocations had been heard of; 0: it was never read.
    heard: u64,
    until: HashMap<MessageId, u64>,
}

impl Redis {
    fn revoked_key(&self) -> String {
        self.shared.keys.domain("revoked")
    }

    /// Reads all that is revoked, unless nothing is new.
    async fn learn_revoked(&self) -> Result<()> {
        let heard = self.shared.wakes.revocations();
        if self.memory.revoked.lock().heard == heard {
            return Ok(());
        }
        let now = Timestamp::now().as_millis();
        let call = Call::command("ZRANGEBYSCORE").arg(self.revoked_key());
        let call = call.arg(format!("({now}")).arg("+inf").arg("WITHSCORES");
        let pairs = reply::pairs(self.shared.client.one("revoked", call).await?)?;
        let mut until = HashMap::with_capacity(pairs.len());
        for (id, end) in pairs {
            if let Ok(id) = <[u8; 16]>::try_from(&id[..]) {
                until.insert(MessageId::from_bytes(id), reply::number(&end)?);
            }
        }
        *self.memory.revoked.lock() = Known { heard, until };
        Ok(())
    }

    async fn since(&self, cursor: u64) -> Result<Changes> {
        let key = self.revoked_key();
        let number = Call::command("GET").arg(format!("{key}:n"));
        let ids = Call::command("ZRANGEBYSCORE").arg(format!("{key}:s"));
        let ids = ids.arg(format!("({cursor}")).arg("+inf");
        let now = Timestamp::now().as_millis();
        let valid = Call::command("ZRANGEBYSCORE").arg(&key).arg(format!("({now}")).arg("+inf");
        let mut answers = self.shared.client.all("revocations", vec![number, ids, valid]).await?;
        let valid = answers.pop().unwrap_or_default();
        let ids = answers.pop().unwrap_or_default();
        let number = answers.pop().unwrap_or_default();
        let valid: std::collections::HashSet<_> = reply::strings(valid)?.into_iter().collect();
        let ids = reply::strings(ids)?.into_iter().filter(|id| valid.contains(id));
        let ids = ids.filter_map(|id| Some(MessageId::from_bytes(id[..].try_into().ok()?)));
        Ok(Changes { cursor: reply::number(&number)?.max(1), ids: ids.collect() })
    }
}

impl Revocations for Redis {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("revoke")?;
            if ids.is_empty() {
                return Ok(());
            }
            let mut call = Call::script(&REVOKE, &self.revoked_key())
                .arg(until.as_millis().min(LAST_MILLIS))
                .arg(Timestamp::now().as_millis())
                .arg(self.shared.keys.revoked_channel());
            ids.iter().for_each(|id| call.push(&id.as_bytes()[..]));
            self.shared.client.one("revoke", call).await?;
            // Our own are not heard of before this answer.
            self.memory.revoked.lock().heard = 0;
            Ok(())
        })
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(async move {
            self.shared.check_open("revoked")?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            self.learn_revoked().await?;
            let known = self.memory.revoked.lock();
            if known.until.is_empty() {
                return Ok(Vec::new());
            }
            let now = Timestamp::now().as_millis();
            let is_revoked = |id: &&MessageId| known.until.get(id).is_some_and(|end| *end > now);
            Ok(ids.iter().filter(is_revoked).copied().collect())
        })
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(async move {
            loop {
                self.shared.check_open("revocations")?;
                let waiters = self.shared.wakes.revocation_waiters();
                let told = waiters.notified();
                let mut told = std::pin::pin!(told);
                told.as_mut().enable();
                let changes = self.since(cursor).await?;
                if cursor == 0 || !changes.ids.is_empty() {
                    return Ok(changes);
                }
                told.await;
            }
        })
    }
}
