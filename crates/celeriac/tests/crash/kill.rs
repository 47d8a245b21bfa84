//! Killed at any moment: every acknowledged id ends, and its outcome is kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use celeriac::{Filter, MessageId};

use crate::child::{self, app};

/// How often the child is killed, unless the environment says otherwise.
const ROUNDS: u32 = 6;
/// At most how many words of the child are heard before it is killed.
const WORDS: u64 = 40;

pub(crate) fn rounds() -> u32 {
    let rounds = std::env::var("CELERIAC_CRASH_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_task_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..rounds() {
        let mut child = child::start("send and run", dir.path());
        let heard = MessageId::new().hash_bits() % WORDS;
        for _ in 0..=heard {
            assert!(child.word().is_some(), "the child died by itself");
        }
        child.kill();
    }

    let app = app(dir.path(), u32::MAX);
    let worker = app.start_worker().await.unwrap();
    let acked = acked(dir.path());
    assert!(!acked.is_empty(), "nothing was acknowledged");
    for (id, number) in &acked {
        let result = app.result::<u64>(*id).await.unwrap();
        let value = result.get_timeout(Duration::from_secs(60)).await;
        assert_eq!(value.unwrap(), *number, "{id}");
    }
    let runs = runs(dir.path());
    let lost = acked.values().filter(|number| !runs.contains_key(number)).count();
    assert_eq!(lost, 0, "of {} acknowledged", acked.len());
    let again: u32 = acked.values().map(|number| runs[number] - 1).sum();
    println!("{} acknowledged in {} rounds, lost 0, run again {again}", acked.len(), rounds());

    worker.stop().await;
    let filter = Filter { reason: Some(celeriac::Reason::KilledWorkers), ..Filter::default() };
    assert!(app.quarantined(&filter, 1).await.unwrap().is_empty());
    let left = app.queues().await.unwrap();
    assert!(left.iter().all(|queue| queue.in_flight == 0), "{left:?}");
    app.shutdown().await;
}

pub(crate) fn acked(dir: &Path) -> BTreeMap<MessageId, u64> {
    let log = std::fs::read_to_string(dir.join("acked.log")).unwrap_or_default();
    let parse = |line: &str| {
        // A line that the child was killed in the middle of was not noted.
        let (number, id) = line.split_once(' ')?;
        Some((id.parse().ok()?, number.parse().ok()?))
    };
    log.lines().filter_map(parse).collect()
}

pub(crate) fn runs(dir: &Path) -> BTreeMap<u64, u32> {
    let log = std::fs::read_to_string(dir.join("ran.log")).unwrap_or_default();
    let mut runs = BTreeMap::new();
    for number in log.lines().filter_map(|line| line.parse().ok()) {
        *runs.entry(number).or_default() += 1;
    }
    runs
}
