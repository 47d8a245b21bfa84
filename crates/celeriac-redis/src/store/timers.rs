//! [`Timers`]: a sorted set by time, and the messages beside it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::store::Timers;
use celeriac_core::wire::{self, Decoder};
use celeriac_core::{BoxFuture, Error, ErrorKind, Message, Timestamp};

use crate::Redis;
use crate::call::Call;
use crate::reply;
use crate::script::{SCHEDULE, TAKE_DUE, UNSCHEDULE};

/// The longest that a sorted set counts exactly.
const LAST_MILLIS: u64 = 1 << 53;

impl Redis {
    fn timers_key(&self) -> String {
        self.shared.keys.domain("timers")
    }

    async fn nearer(&self) -> Result<u64> {
        let call = Call::command("GET").arg(format!("{}:nearer", self.timers_key()));
        reply::number(&self.shared.client.one("timers", call).await?)
    }

    async fn take(&self, now: Timestamp, max: usize, lease: Duration) -> Result<Vec<Arc<Message>>> {
        self.shared.check_open("take_due")?;
        let call = Call::script(&TAKE_DUE, &self.timers_key())
            .arg(now.as_millis())
            .arg(max)
            .arg(now.after(lease).as_millis().min(LAST_MILLIS));
        let taken = reply::strings(self.shared.client.one("take_due", call).await?)?;
        let mut decoder = Decoder::new();
        let mut due = Vec::with_capacity(taken.len());
        for record in taken {
            due.push(read(&record, &mut decoder)?);
        }
        // By the time for which they were scheduled; a lease does not count.
        due.sort_by_key(|(at, _)| *at);
        Ok(due.into_iter().map(|(_, message)| message).collect())
    }
}

/// Reads `attempt:time:envelope`.
fn read(record: &Bytes, decoder: &mut Decoder) -> Result<(u64, Arc<Message>)> {
    let unreadable = |why: String| {
        let context = format!("a scheduled message can't be read: {why}");
        Error::new(ErrorKind::Corrupt, "take_due", context)
    };
    let mut parts = record.splitn(3, |byte| *byte == b':');
    let (_attempt, at, envelope) = (parts.next(), parts.next(), parts.next());
    let (Some(at), Some(envelope)) = (at, envelope) else {
        return Err(unreadable("it has no time".to_owned()));
    };
    let at = std::str::from_utf8(at).ok().and_then(|at| at.parse().ok());
    let at = at.ok_or_else(|| unreadable("its time is no number".to_owned()))?;
    let message = decoder.decode(&record.slice_ref(envelope));
    Ok((at, Arc::new(message.map_err(|error| unreadable(error.to_string()))?)))
}

impl Timers for Redis {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("schedule")?;
            let mut calls = Vec::new();
            for part in batch.chunks(1024) {
                let channel = self.shared.keys.timers_channel();
                let mut call = Call::script(&SCHEDULE, &self.timers_key()).arg(channel);
                for message in part {
                    let eta = message.rare().eta.map_or(0, Timestamp::as_millis);
                    let mut envelope = Vec::new();
                    wire::encode(message, &mut envelope);
                    call.push(&message.id.as_bytes()[..]);
                    call.push(eta.min(LAST_MILLIS));
                    call.push(message.attempt);
                    call.push(envelope);
                }
                calls.push(call);
            }
            self.shared.client.all("schedule", calls).await.map(drop)
        })
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        Box::pin(self.take(now, max, lease))
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("unschedule")?;
            if batch.is_empty() {
                return Ok(());
            }
            let mut call = Call::script(&UNSCHEDULE, &self.timers_key());
            for message in batch {
                call.push(&message.id.as_bytes()[..]);
                call.push(message.attempt);
            }
            self.shared.client.one("unschedule", call).await.map(drop)
        })
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(async move {
            self.shared.check_open("next_due")?;
            let nearer = self.nearer().await?;
            let call = Call::command("ZRANGE").arg(format!("{}:due", self.timers_key()));
            let call = call.arg(0).arg(0).arg("WITHSCORES");
            let first = reply::pairs(self.shared.client.one("next_due", call).await?)?;
            self.memory.seen_timers.store(nearer, Ordering::Release);
            let at = first.first().map(|(_, at)| reply::number(at)).transpose()?;
            Ok(at.map(Timestamp::from_millis))
        })
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            loop {
                self.shared.check_open("timers_changed")?;
                let told = self.shared.wakes.timer_waiters().notified();
                let mut told = std::pin::pin!(told);
                told.as_mut().enable();
                if self.nearer().await? != self.memory.seen_timers.load(Ordering::Acquire) {
                    return Ok(());
                }
                told.await;
            }
        })
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            self.shared.check_open("scheduled")?;
            let call = Call::command("ZCARD").arg(format!("{}:due", self.timers_key()));
            reply::number(&self.shared.client.one("scheduled", call).await?)
        })
    }
}
