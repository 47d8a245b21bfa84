//! Timers: the wait for an earlier one.

use std::sync::Arc;

use super::timers::{at, due, schedule};
use crate::probe::within;
use crate::{Harness, Rig};

/// S-17: while one waits, and between `next_due` and the wait.
pub async fn an_earlier_timer_wakes(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    assert_eq!(rig.store().next_due().await.expect("next_due"), None);
    schedule(&rig, &[due(1, 100)]).await;
    let since = rig.store().timers_changed();
    within("the first timer", since).await.expect("timers_changed");

    assert_eq!(rig.store().next_due().await.expect("next_due"), Some(at(100)));
    let woken = async { rig.store().timers_changed().await.expect("timers_changed") };
    let earlier = async {
        rig.settle_down().await;
        schedule(&rig, &[due(2, 50)]).await;
    };
    within("the earlier timer", futures_util::future::join(woken, earlier)).await;
    assert_eq!(rig.store().next_due().await.expect("next_due"), Some(at(50)));
}

/// S-17: who gave up waiting is told when it comes back.
pub async fn a_dropped_wait_for_timers_misses_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    assert_eq!(rig.store().next_due().await.expect("next_due"), None);
    {
        // It may wake for nothing, so that it waits can't be asserted.
        let mut waiting = rig.store().timers_changed();
        let _ = crate::probe::poll_once(&mut waiting);
        schedule(&rig, &[due(1, 100)]).await;
        rig.settle_down().await;
    }
    within("the timer", rig.store().timers_changed()).await.expect("timers_changed");
    assert_eq!(rig.store().next_due().await.expect("next_due"), Some(at(100)));
}
