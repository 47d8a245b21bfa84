//! Deduplication.

use std::sync::Arc;

use celeriac_core::store::{Claim, Claimed};
use celeriac_core::{MessageId, Timestamp};
use futures_util::future::join_all;

use crate::suite::only_if;
use crate::{Harness, Rig};

const WINDOW_MS: u64 = 1000;

/// A claim of a fresh message, made at that many milliseconds.
fn claim(key: &str, now: u64) -> Claim {
    Claim {
        key: key.to_owned(),
        id: MessageId::new(),
        now: Timestamp::from_millis(now),
        until: Timestamp::from_millis(now + WINDOW_MS),
    }
}

async fn answer(rig: &Rig, claim: &Claim) -> Claimed {
    let answers = rig.store().claim(vec![claim.clone()]).await.expect("claim");
    assert_eq!(answers.len(), 1);
    answers[0]
}

const fn held(by: &Claim, confirmed: bool) -> Claimed {
    Claimed::Held { id: by.id, confirmed }
}

/// S-19: by key, in calls and in batches.
pub async fn the_first_claim_wins(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let first = claim("a", 0);
    assert_eq!(answer(&rig, &first).await, Claimed::Ours);
    assert_eq!(answer(&rig, &claim("a", 1)).await, held(&first, false));

    let batch = [claim("b", 2), claim("a", 2), claim("b", 2), claim("c", 2)];
    let expected = [Claimed::Ours, held(&first, false), held(&batch[0], false), Claimed::Ours];
    let answers = rig.store().claim(batch.to_vec()).await.expect("claim");
    assert_eq!(answers, expected);
}

/// S-20: after the confirmation, and only for that key.
pub async fn a_confirmed_claim_says_so(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (a, b) = (claim("a", 0), claim("b", 0));
    let batch = vec![a.clone(), b.clone()];
    rig.store().claim(batch).await.expect("claim");
    let keys = ["a".to_owned(), "nobody's".to_owned()];
    rig.store().confirm(&keys).await.expect("confirm");
    assert_eq!(answer(&rig, &claim("a", 1)).await, held(&a, true));
    assert_eq!(answer(&rig, &claim("b", 1)).await, held(&b, false));
    assert_eq!(answer(&rig, &claim("nobody's", 1)).await, Claimed::Ours);
}

/// S-20: a sender that tries again is not in its own way.
pub async fn the_holder_may_claim_again(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let first = claim("a", 0);
    assert_eq!(answer(&rig, &first).await, Claimed::Ours);
    assert_eq!(answer(&rig, &first).await, Claimed::Ours);
    rig.store().confirm(&["a".to_owned()]).await.expect("confirm");
    assert_eq!(answer(&rig, &first).await, held(&first, true));
}

/// S-21: held to the last millisecond, then free and unconfirmed.
pub async fn a_claim_ends_with_its_window(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let first = claim("a", 0);
    assert_eq!(answer(&rig, &first).await, Claimed::Ours);
    rig.store().confirm(&["a".to_owned()]).await.expect("confirm");
    let late = claim("a", WINDOW_MS - 1);
    assert_eq!(answer(&rig, &late).await, held(&first, true));
    let next = claim("a", WINDOW_MS + 1);
    assert_eq!(answer(&rig, &next).await, Claimed::Ours);
    assert_eq!(answer(&rig, &claim("a", WINDOW_MS + 2)).await, held(&next, false));
}

/// S-21: a holder that claims again before moves the end; sources lease by that.
pub async fn who_claims_again_moves_the_end(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let first = claim("a", 0);
    assert_eq!(answer(&rig, &first).await, Claimed::Ours);
    let renewed = Claim { id: first.id, ..claim("a", WINDOW_MS - 1) };
    assert_eq!(answer(&rig, &renewed).await, Claimed::Ours);
    assert_eq!(answer(&rig, &claim("a", WINDOW_MS + 1)).await, held(&first, false));
    let end = Timestamp::from_millis(WINDOW_MS + 2);
    let given_back = Claim { now: end, until: end, ..renewed };
    assert_eq!(answer(&rig, &given_back).await, Claimed::Ours);
    assert_eq!(answer(&rig, &claim("a", WINDOW_MS + 2)).await, Claimed::Ours, "it is free");
}

/// S-22: twenty senders of the same thing.
pub async fn of_claims_at_once_one_wins(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let claims = Vec::from_iter((0..20).map(|_| claim("a", 0)));
    let answers = join_all(claims.iter().map(|claim| answer(&rig, claim))).await;
    let ours = Vec::from_iter((0..20).filter(|n| answers[*n] == Claimed::Ours));
    assert_eq!(ours.len(), 1, "{answers:?}");
    let others = held(&claims[ours[0]], false);
    let agree = answers.iter().filter(|answer| **answer == others).count();
    assert_eq!(agree, 19, "{answers:?}");
}

/// S-23: a sender that restarts finds what it had claimed.
pub async fn claims_survive_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    // By the machine's clock: a driver may forget what has ended when it opens.
    let now = Timestamp::now().as_millis();
    let mut claims = [claim("sent", now), claim("unsure", now)];
    for claim in &mut claims {
        claim.until = Timestamp::NEVER;
    }
    rig.store().claim(claims.to_vec()).await.expect("claim");
    rig.store().confirm(&["sent".to_owned()]).await.expect("confirm");
    let rig = rig.crash(vec![]).await;
    assert_eq!(answer(&rig, &claim("sent", now + 1)).await, held(&claims[0], true));
    assert_eq!(answer(&rig, &claim("unsure", now + 1)).await, held(&claims[1], false));
}
