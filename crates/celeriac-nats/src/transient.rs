//! Transient queues that nobody uses: JetStream removes their consumers, which
//! nobody pulls from, and the keeper then removes the stream.

use std::collections::HashMap;
use std::time::Instant;

use celeriac_core::QueueName;
use celeriac_core::error::Result;

use crate::broker::Shared;
use crate::place::TRANSIENT;
use crate::queues;

/// What was seen of queues without consumers.
#[derive(Debug, Default)]
pub(crate) struct Transient {
    /// The last message of each, and since when it is that.
    unused: HashMap<QueueName, (u64, Instant)>,
    swept: Option<Instant>,
}

impl Transient {
    /// Removes those that nobody has used for [`TRANSIENT`]; looks twice in
    /// that time.
    pub(crate) async fn sweep(&mut self, shared: &Shared) -> Result<()> {
        if self.swept.is_some_and(|swept| swept.elapsed() < TRANSIENT / 2) {
            return Ok(());
        }
        self.swept = Some(Instant::now());
        let mut unused = HashMap::new();
        for found in queues::list(shared).await? {
            if !found.queue.is_transient() || found.consumers > 0 {
                continue;
            }
            let known = self.unused.get(&found.queue);
            let same = known.filter(|(last, _)| *last == found.last_sequence);
            let since = same.map_or_else(Instant::now, |(_, since)| *since);
            if since.elapsed() >= TRANSIENT {
                queues::delete(shared, &found.queue).await?;
            } else {
                unused.insert(found.queue, (found.last_sequence, since));
            }
        }
        self.unused = unused;
        Ok(())
    }
}
