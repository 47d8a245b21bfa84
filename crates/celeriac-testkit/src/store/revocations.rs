//! Revocations.

use std::collections::BTreeSet;
use std::sync::Arc;

use celeriac_core::{MessageId, Timestamp};

use crate::probe::within;
use crate::suite::only_if;
use crate::{Harness, Rig};

fn ids<const N: usize>() -> [MessageId; N] {
    std::array::from_fn(|_| MessageId::new())
}

async fn revoke(rig: &Rig, ids: &[MessageId]) {
    rig.store().revoke(ids, Timestamp::NEVER).await.expect("revoke");
}

/// S-09: no more and no less.
pub async fn exactly_what_was_revoked_is_revoked(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let [a, b, c] = ids();
    assert_eq!(rig.store().revoked(&[a, b, c]).await.expect("revoked"), []);
    revoke(&rig, &[a]).await;
    revoke(&rig, &[c, a]).await;
    let revoked = rig.store().revoked(&[a, b, c]).await.expect("revoked");
    assert_eq!(BTreeSet::from_iter(revoked), [a, c].into());
    assert_eq!(rig.store().revoked(&[b]).await.expect("revoked"), []);
}

/// S-09: and no longer than it was meant to be.
pub async fn a_revocation_ends(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let [over, still] = ids();
    rig.store().revoke(&[over], Timestamp::from_millis(1)).await.expect("revoke");
    revoke(&rig, &[still]).await;
    assert_eq!(rig.store().revoked(&[over, still]).await.expect("revoked"), [still]);
}

/// S-10: at once from the beginning, then as they come.
pub async fn revocations_are_followed_by_cursor(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let none = within("the first answer", rig.store().revocations(0)).await;
    assert_eq!(none.expect("revocations").ids, []);
    let [a, b, c] = ids();
    revoke(&rig, &[a, b]).await;
    let all = within("all there are", rig.store().revocations(0)).await;
    let all = all.expect("revocations");
    assert_eq!(BTreeSet::from_iter(all.ids), [a, b].into());

    let mut waiting = rig.store().revocations(all.cursor);
    rig.assert_waits("a wait for revocations", &mut waiting).await;
    revoke(&rig, &[c]).await;
    let next = within("the revocation", waiting).await.expect("revocations");
    assert_eq!(next.ids, [c]);
    assert_ne!(next.cursor, all.cursor);
    let mut waiting = rig.store().revocations(next.cursor);
    rig.assert_waits("a wait for revocations", &mut waiting).await;
}

/// S-10: the cursor, not the wait, remembers.
pub async fn a_dropped_wait_for_revocations_misses_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let [a, b, c] = ids();
    revoke(&rig, &[a]).await;
    let first = rig.store().revocations(0).await.expect("revocations");
    {
        let mut waiting = rig.store().revocations(first.cursor);
        rig.assert_waits("a wait for revocations", &mut waiting).await;
    }
    revoke(&rig, &[b]).await;
    revoke(&rig, &[c]).await;
    let missed = within("both", rig.store().revocations(first.cursor)).await;
    assert_eq!(BTreeSet::from_iter(missed.expect("revocations").ids), [b, c].into());
}

/// S-11: a revoked task is not run after a restart either.
pub async fn revocations_survive_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    let [a, b] = ids();
    revoke(&rig, &[a]).await;
    let rig = rig.crash(vec![]).await;
    assert_eq!(rig.store().revoked(&[b, a]).await.expect("revoked"), [a]);
    let all = within("all there are", rig.store().revocations(0)).await;
    assert_eq!(all.expect("revocations").ids, [a]);
}
