//! Silence: a consumer that gives nothing, although something waits, is no
//! consumer. Liveness is progress.

use std::time::Duration;

use celeriac_core::broker::QueueStats;
use celeriac_core::{Broker, Error, ErrorKind, QueueName};

use crate::gate::Shut;

/// How often it is looked whether something waits.
const LOOK: Duration = Duration::from_secs(5);
/// How many looks in a row must find a backlog. Nothing comes all that time.
const LOOKS: u32 = 2;
/// For how long there must be no silence, after one, until all is well.
pub(crate) const SETTLED: Duration = LOOK.saturating_mul(2 * LOOKS);

/// Resolves when something has waited in `queues` for long, which are not shut.
/// To be awaited beside a pull that has credit. Cancel-safe.
pub(crate) async fn silence(broker: &dyn Broker, queues: &[QueueName], shut: &Shut) -> Error {
    let counts = |stats: &QueueStats| {
        stats.ready > 0 && queues.contains(&stats.name) && !shut.contains_key(&stats.name)
    };
    let mut looks = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        // A broker that can't say will tell by the pull.
        let stats = broker.queues().await.unwrap_or_default();
        let Some(backlog) = stats.into_iter().find(counts) else {
            looks = 0;
            continue;
        };
        looks += 1;
        if looks == LOOKS {
            let QueueStats { name, ready, .. } = backlog;
            let context = format!(
                "nothing came for {:?}, although {ready} messages wait in `{name}`",
                LOOK * LOOKS
            );
            return Error::new(ErrorKind::Timeout, "pull", context);
        }
    }
}
