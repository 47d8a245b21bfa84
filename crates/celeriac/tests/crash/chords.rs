//! Killed in the middle of chords: every one that was acknowledged ends, with
//! the results of all its members.

use std::time::Duration;

use celeriac::MessageId;
use celeriac::workflow::Status;

use crate::child::{self, MEMBERS, app};
use crate::kill::{acked, rounds, runs};

/// At most how many words of the child are heard before it is killed.
const WORDS: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_chord_ends() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..rounds() {
        let mut child = child::start("run chords", dir.path());
        let heard = MessageId::new().hash_bits() % WORDS;
        // One chord at least is under way when it dies.
        for _ in 0..=heard + 1 {
            assert!(child.word().is_some(), "the child died by itself");
        }
        child.kill();
    }

    let app = app(dir.path(), u32::MAX);
    let worker = app.start_worker().await.unwrap();
    let acked = acked(dir.path());
    assert!(!acked.is_empty(), "nothing was acknowledged");
    for (id, number) in &acked {
        let result = app.result::<i64>(*id).await.unwrap();
        let sum = result.get_timeout(Duration::from_secs(60)).await.unwrap();
        let first = i64::try_from(*number).unwrap() * 1000;
        assert_eq!(sum, MEMBERS * first + MEMBERS * (MEMBERS - 1) / 2, "{id}");
        let record = app.workflow(*id).await.unwrap().unwrap();
        assert_eq!(record.status(), Status::Success, "{id}");
    }
    let runs = runs(dir.path());
    let members = u64::try_from(MEMBERS).unwrap();
    for number in acked.values() {
        let lost = (0..members).filter(|n| !runs.contains_key(&(number * 1000 + n))).count();
        assert_eq!(lost, 0, "members of {number} did not run");
    }
    println!("{} chords in {} rounds", acked.len(), rounds());
    worker.stop().await;
    app.shutdown().await;
}
