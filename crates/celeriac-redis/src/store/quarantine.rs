//! [`Quarantine`]: records by id, and the ids in order.

use celeriac_core::error::Result;
use celeriac_core::store::{Filter, Quarantine, Quarantined};
use celeriac_core::{BoxFuture, Error, ErrorKind, MessageId, wire};

use crate::Redis;
use crate::call::Call;
use crate::reply;
use crate::script::QUARANTINE;

/// How many records are read at a time.
const PAGE: usize = 256;

impl Redis {
    fn quarantine_key(&self) -> String {
        self.shared.keys.domain("quarantine")
    }

    /// The next ids after one, in order.
    async fn ids_after(&self, after: Option<MessageId>) -> Result<Vec<MessageId>> {
        let from = match after {
            Some(id) => [b"(".as_slice(), id.as_bytes()].concat(),
            None => b"-".to_vec(),
        };
        let call = Call::command("ZRANGEBYLEX").arg(format!("{}:order", self.quarantine_key()));
        let call = call.arg(from).arg("+").arg("LIMIT").arg(0).arg(PAGE);
        let ids = reply::strings(self.shared.client.one("quarantined", call).await?)?;
        let id = |bytes: &bytes::Bytes| Some(MessageId::from_bytes(bytes[..].try_into().ok()?));
        Ok(ids.iter().filter_map(id).collect())
    }

    async fn records(&self, ids: &[MessageId]) -> Result<Vec<Quarantined>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = Call::command("HMGET").arg(format!("{}:records", self.quarantine_key()));
        ids.iter().for_each(|id| call.push(&id.as_bytes()[..]));
        let records = reply::strings(self.shared.client.one("quarantined", call).await?)?;
        let read = |record: &bytes::Bytes| {
            wire::decode_quarantined(record).map_err(|error| {
                let context = "a record can't be read";
                Error::new(ErrorKind::Corrupt, "quarantined", context).caused_by(error)
            })
        };
        records.iter().map(read).collect()
    }

    async fn page(&self, filter: &Filter, max: usize) -> Result<Vec<Quarantined>> {
        self.shared.check_open("quarantined")?;
        if !filter.ids.is_empty() {
            let mut ids = filter.ids.clone();
            ids.sort_unstable();
            ids.dedup();
            let records = self.records(&ids).await?.into_iter();
            return Ok(records.filter(|record| filter.matches(record)).take(max).collect());
        }
        let (mut page, mut after) = (Vec::new(), filter.after);
        while page.len() < max {
            let ids = self.ids_after(after).await?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            let records = self.records(&ids).await?.into_iter();
            page.extend(records.filter(|record| filter.matches(record)));
        }
        page.truncate(max);
        Ok(page)
    }
}

impl Quarantine for Redis {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("quarantine")?;
            if batch.is_empty() {
                return Ok(());
            }
            let mut call = Call::script(&QUARANTINE, &self.quarantine_key()).arg("put");
            for quarantined in &batch {
                call.push(&quarantined.content.id().as_bytes()[..]);
                call.push(wire::encode_quarantined(quarantined));
            }
            self.shared.client.one("quarantine", call).await.map(drop)
        })
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        Box::pin(self.page(filter, max))
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.shared.check_open("unquarantine")?;
            if ids.is_empty() {
                return Ok(0);
            }
            let mut call = Call::script(&QUARANTINE, &self.quarantine_key()).arg("remove");
            ids.iter().for_each(|id| call.push(&id.as_bytes()[..]));
            reply::number(&self.shared.client.one("unquarantine", call).await?)
        })
    }
}
