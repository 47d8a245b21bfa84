//! The interval function: turns, cursors, failures.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use celeriac_connect::sources::Interval;
use celeriac_core::{Source, Timestamp};
use celeriac_testkit::probe::within;

const PERIOD: Duration = Duration::from_millis(20);

#[tokio::test]
async fn each_turn_comes_once_and_what_was_missed_is_made_up_for_once() {
    let mut source = Interval::new(PERIOD, |turn| async move {
        Ok::<_, io::Error>(vec![turn.as_millis(), turn.as_millis()])
    });
    // A turn of long ago was the latest.
    let mut cursor = Some("20".into());
    let mut turns: Vec<u64> = Vec::new();
    for _ in 0..3 {
        let polled = within("a turn", source.poll(cursor.as_ref(), 1)).await.unwrap();
        assert_eq!(polled.documents.len(), 2);
        assert_ne!(polled.documents[0].id, polled.documents[1].id);
        turns.push(serde_json::from_slice(&polled.documents[0].body).unwrap());
        cursor = polled.cursor;
    }
    assert!(
        turns.is_sorted_by(|a, b| a < b) && turns.iter().all(|turn| turn % 20 == 0),
        "{turns:?}"
    );
    assert!(Timestamp::now().as_millis() - turns[0] < 60_000, "not one by one since 1970");
}

#[tokio::test]
async fn a_turn_that_failed_is_tried_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let mut source = Interval::new(Duration::from_secs(3600), move |_| {
        let count = counted.fetch_add(1, SeqCst);
        async move { if count == 0 { Err(io::Error::other("not yet")) } else { Ok(vec![count]) } }
    });
    let error = source.poll(None, 9).await.unwrap_err();
    assert!(error.to_string().contains("not yet"), "{error}");
    assert_eq!(within("a turn", source.poll(None, 9)).await.unwrap().documents[0].body, "1");
}
