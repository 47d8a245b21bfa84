//! Results: waiting for changes.

use std::sync::Arc;

use celeriac_core::store::Watch;
use celeriac_core::{MessageId, State};

use super::results::{mark, success};
use crate::probe::within;
use crate::{Harness, Rig};

const fn unseen(id: MessageId) -> Watch {
    Watch { id, seen: 0 }
}

/// S-06: every watch that is newer, and only those.
pub async fn what_changed_before_is_told_at_once(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (a, b, unknown) = (MessageId::new(), MessageId::new(), MessageId::new());
    let batch = vec![success(a, 1), success(b, 2)];
    rig.store().complete(batch).await.expect("complete");
    let watches = [unseen(a), unseen(unknown), unseen(b)];
    let changed = within("what is there", rig.store().changed(&watches)).await;
    let mut changed = changed.expect("changed");
    changed.sort_by_key(|(_, entry)| entry.attempt);
    let ids = changed.iter().map(|(id, entry)| (*id, entry.attempt));
    assert_eq!(Vec::from_iter(ids), [(a, 1), (b, 2)]);
    assert!(changed.iter().all(|(_, entry)| entry.outcome.is_some()));
}

/// S-06: until a mark, until the next, until the end; nobody else's counts.
pub async fn a_watcher_waits_for_what_it_has_not_seen(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (id, other) = (MessageId::new(), MessageId::new());
    let mut seen = 0;
    for attempt in 0..3 {
        let watches = [Watch { id, seen }];
        let mut waiting = rig.store().changed(&watches);
        rig.assert_waits("a watch", &mut waiting).await;
        rig.store().mark(vec![mark(other, State::Started, attempt)]).await.expect("mark");
        rig.assert_waits("a watch of another task", &mut waiting).await;
        rig.store().mark(vec![mark(id, State::Started, attempt)]).await.expect("mark");
        let changed = within("the mark", waiting).await.expect("changed");
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].0, changed[0].1.attempt), (id, attempt));
        assert!(changed[0].1.version > seen);
        seen = changed[0].1.version;
    }
    let watches = [Watch { id, seen }];
    let mut waiting = rig.store().changed(&watches);
    rig.assert_waits("a watch", &mut waiting).await;
    rig.store().complete(vec![success(id, 9)]).await.expect("complete");
    let changed = within("the outcome", waiting).await.expect("changed");
    assert_eq!(changed[0].1.outcome, Some(success(id, 9).outcome));
}

/// S-06: what happens while nobody watches is told to who comes back.
pub async fn a_dropped_watch_misses_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = MessageId::new();
    let watches = [unseen(id)];
    let mut other = rig.store().changed(&watches);
    {
        let mut waiting = rig.store().changed(&watches);
        rig.assert_waits("a watch", &mut waiting).await;
        rig.assert_waits("another watch", &mut other).await;
    }
    rig.store().complete(vec![success(id, 1)]).await.expect("complete");
    let changed = within("who went on watching", other).await.expect("changed");
    assert_eq!(changed.len(), 1);
    let changed = within("who came back", rig.store().changed(&watches)).await;
    assert_eq!(changed.expect("changed").len(), 1);
}
