//! The keeper: the actor that renews this process' lease, gives back what the
//! dead held, and lends its spawner to what must go on without its caller.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use jumpstarter::{Context, Flow, System, actor};

use crate::beginnings::Beginnings;
use crate::broker::Shared;
use crate::call::Call;
use crate::reply;
use crate::script::{RECLAIM, RENEW};
use crate::store;

/// How often in the time of a lease it is renewed.
const RENEWALS: u32 = 3;

/// Keeps what is held by leases.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
}

#[actor]
impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Nothing may be taken before the lease is there.
    #[started]
    async fn begin(&mut self, ctx: &mut Context<Self>) -> Result<()> {
        *self.shared.spawner.lock() = Some(ctx.spawner());
        let system = ctx.system().clone();
        mend_beginnings(&self.shared, &system).await;
        renew(&self.shared).await.map(drop)
    }

    #[task]
    async fn keep(&mut self, ctx: &mut Context<Self>) -> Flow {
        let period = self.shared.options.lease / RENEWALS;
        tokio::time::sleep(period).await;
        if self.shared.wakes.is_closed() {
            return Flow::Success;
        }
        let system = ctx.system().clone();
        mend_beginnings(&self.shared, &system).await;
        let kept = keep(&self.shared, period).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "the lease could not be renewed");
            // A report that the state does not allow changes nothing.
            let _ = ctx.report_warning();
        } else {
            let _ = ctx.recover();
        }
        // What was published while a connection was broken was not heard.
        self.shared.wakes.wake_all();
        Flow::Continue
    }
}

/// Connects what beginnings are noted through, if it is not.
async fn mend_beginnings(shared: &Shared, system: &System) {
    if shared.client.is_cluster() || shared.beginnings.is_connected() {
        return;
    }
    let Some(node) = shared.node.clone() else { return };
    match system.blocking(move || Beginnings::connect(&node)).await {
        Ok(Ok(connection)) => shared.beginnings.replace(connection),
        Ok(Err(error)) => {
            let error = crate::error::classify("begin", shared.client.shown(), error);
            tracing::warn!(%error, "deaths can't be counted");
        }
        Err(error) => tracing::warn!(%error, "deaths can't be counted"),
    }
}

/// Renews the lease; gives those that live.
pub(crate) async fn renew(shared: &Shared) -> Result<Vec<bytes::Bytes>> {
    let lease = millis(shared.options.lease);
    let renewed = Call::script(&RENEW, &shared.keys.holders()).arg(&shared.holder).arg(lease);
    reply::strings(shared.client.one("renew a lease", renewed).await?)
}

async fn keep(shared: &Shared, period: Duration) -> Result<()> {
    let live = renew(shared).await?;
    // Where an answer was lost, the server holds for us what we do not know of,
    // also what it did for us long after we gave up. That is given back once it
    // is sure that no answer is under way any more.
    let known = shared.held.lock().numbers();
    let age = shared.options.lease.max(2 * shared.options.patience());
    sweep(shared, &live, Some(&known), age).await?;
    let turn = Call::command("SET").arg(shared.keys.sweeper()).arg(&shared.holder);
    let turn = turn.arg("NX").arg("PX").arg(millis(period));
    if shared.client.one("sweep", turn).await? != redis::Value::Nil {
        sweep(shared, &live, None, shared.options.lease).await?;
        if let Err(error) = store::take_out_expired(shared).await {
            tracing::warn!(%error, "outcomes that have expired are kept for now");
        }
    }
    Ok(())
}

/// Gives back what nobody alive holds, and with `known` what this process does
/// not know to hold, if it is older than `age`.
pub(crate) async fn sweep(
    shared: &Shared,
    live: &[bytes::Bytes],
    known: Option<&[String]>,
    age: Duration,
) -> Result<()> {
    let queues = Call::command("ZRANGE").arg(shared.keys.queues()).arg(0).arg(-1);
    let queues = reply::strings(shared.client.one("sweep", queues).await?)?;
    let mut calls = Vec::with_capacity(queues.len());
    for queue in queues {
        let queue = String::from_utf8_lossy(&queue).into_owned().into();
        let mut call = Call::script(&RECLAIM, &shared.keys.queue(&queue))
            .arg(shared.keys.queue_channel(&queue))
            .arg(u64::try_from(age.as_micros()).unwrap_or(u64::MAX))
            .arg(known.map_or("", |_| &shared.holder))
            .arg(live.len());
        live.iter().for_each(|holder| call.push(&holder[..]));
        known.into_iter().flatten().for_each(|number| call.push(number));
        calls.push(call);
    }
    let mut given_back = 0;
    for answer in shared.client.all("sweep", calls).await? {
        given_back += reply::number(&answer)?;
    }
    if given_back > 0 {
        tracing::warn!(messages = given_back, "their holder is gone: they come again");
    }
    Ok(())
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
