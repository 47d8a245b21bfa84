//! The store on disk: the owner's, or the client's.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{
    Changes, Claim, Claimed, Dedup, Filter, Node, Quarantine, Quarantined, Registry, Results,
    Revocations, Timers, Watch,
};
use celeriac_core::{BoxFuture, Message, MessageId, Timestamp};

use super::Durable;
use super::place::Role;

impl Results for Durable {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            match self.place.role("complete").await? {
                Role::Owner(own) => own.owner.complete(batch).await,
                Role::Client(client) => client.complete(batch).await,
            }
        })
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.place.role("mark").await? {
                Role::Owner(own) => own.owner.mark(batch),
                Role::Client(client) => client.mark(batch).await,
            }
        })
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(async move {
            match self.place.role("entries").await? {
                Role::Owner(own) => own.owner.entries(ids).await,
                Role::Client(client) => client.entries(ids).await,
            }
        })
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(async move {
            match self.place.role("changed").await? {
                Role::Owner(own) => own.owner.changed(watches).await,
                Role::Client(client) => client.changed(watches).await,
            }
        })
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.place.role("forget").await? {
                Role::Owner(own) => own.owner.forget(ids).await,
                Role::Client(client) => client.forget(ids).await,
            }
        })
    }
}

impl Revocations for Durable {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.place.role("revoke").await? {
                Role::Owner(own) => own.owner.revoke(ids, until).await,
                Role::Client(client) => client.revoke(ids, until).await,
            }
        })
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(async move {
            match self.place.role("revoked").await? {
                Role::Owner(own) => own.owner.revoked(ids),
                Role::Client(client) => client.revoked(ids).await,
            }
        })
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(async move {
            match self.place.role("revocations").await? {
                Role::Owner(own) => own.owner.revocations(cursor).await,
                Role::Client(client) => client.revocations(cursor).await,
            }
        })
    }
}

impl Timers for Durable {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.place.role("schedule").await? {
                Role::Owner(own) => own.owner.schedule(batch).await,
                Role::Client(client) => client.schedule(batch).await,
            }
        })
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        Box::pin(async move {
            match self.place.role("take_due").await? {
                Role::Owner(own) => {
                    let (due, taken) = own.owner.take_due(now, max, lease).await?;
                    taken.delivered();
                    Ok(due)
                }
                Role::Client(client) => client.take_due(now, max, lease).await,
            }
        })
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let keys = batch.iter().map(|message| (message.id, message.attempt)).collect();
            match self.place.role("unschedule").await? {
                Role::Owner(own) => own.owner.unschedule(keys).await,
                Role::Client(client) => client.unschedule(keys).await,
            }
        })
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(async move {
            match self.place.role("next_due").await? {
                Role::Owner(own) => own.owner.next_due(&self.place.seen_timers),
                Role::Client(client) => client.next_due().await,
            }
        })
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.place.role("timers_changed").await? {
                Role::Owner(own) => own.owner.timers_changed(&self.place.seen_timers).await,
                Role::Client(client) => client.timers_changed().await,
            }
        })
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            match self.place.role("scheduled").await? {
                Role::Owner(own) => own.owner.scheduled(),
                Role::Client(client) => client.scheduled().await,
            }
        })
    }
}

impl Dedup for Durable {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(async move {
            match self.place.role("claim").await? {
                Role::Owner(own) => own.owner.claim(batch).await,
                Role::Client(client) => client.claim(batch).await,
            }
        })
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.place.role("confirm").await? {
                Role::Owner(own) => own.owner.confirm(keys).await,
                Role::Client(client) => client.confirm(keys).await,
            }
        })
    }
}

impl Quarantine for Durable {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.place.role("quarantine").await? {
                Role::Owner(own) => own.owner.quarantine(batch).await,
                Role::Client(client) => client.quarantine(batch).await,
            }
        })
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        Box::pin(async move {
            match self.place.role("quarantined").await? {
                Role::Owner(own) => own.owner.quarantined(filter, max).await,
                Role::Client(client) => client.quarantined(filter, max).await,
            }
        })
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            match self.place.role("unquarantine").await? {
                Role::Owner(own) => own.owner.unquarantine(ids).await,
                Role::Client(client) => client.unquarantine(ids).await,
            }
        })
    }
}

impl Registry for Durable {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.place.role("announce").await? {
                Role::Owner(own) => own.owner.announce(node),
                Role::Client(client) => client.announce(node).await,
            }
        })
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.place.role("withdraw").await? {
                Role::Owner(own) => own.owner.withdraw(name),
                Role::Client(client) => client.withdraw(name).await,
            }
        })
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(async move {
            match self.place.role("nodes").await? {
                Role::Owner(own) => own.owner.nodes(now),
                Role::Client(client) => client.nodes(now).await,
            }
        })
    }
}
