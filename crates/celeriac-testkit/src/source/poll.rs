//! What a poll gives, before and after a cursor.

use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::source::Document;
use celeriac_core::{MessageId, Source};

use super::SourceHarness;
use crate::probe::{poll_once, within};

const MANY: usize = 100;

async fn put(harness: &Arc<dyn SourceHarness>, numbers: std::ops::Range<u64>) {
    for number in numbers {
        harness.put(number).await;
    }
}

/// Polls and confirms until there are `count` documents.
async fn take(
    source: &mut dyn Source,
    cursor: &mut Option<Bytes>,
    count: usize,
    max: usize,
) -> Vec<Document> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let what = format!("{count} documents; {} came", taken.len());
        // A poll may give fewer than there are, so none asks for more than is left.
        let most = max.min(count - taken.len());
        let polled = within(&what, source.poll(cursor.as_ref(), most)).await.expect("poll");
        assert!(polled.documents.len() <= most, "{} for {most}", polled.documents.len());
        taken.extend(polled.documents);
        *cursor = polled.cursor.or(cursor.take());
        source.confirm().await;
    }
    taken
}

fn ids(documents: &[Document]) -> Vec<MessageId> {
    documents.iter().map(|document| document.id).collect()
}

fn numbers(harness: &Arc<dyn SourceHarness>, documents: &[Document]) -> Vec<u64> {
    documents.iter().map(|document| harness.number(document)).collect()
}

/// under the same ids, in the same order, also from a new source.
pub async fn the_same_cursor_gives_the_same(harness: Arc<dyn SourceHarness>) {
    put(&harness, 0..4).await;
    let mut cursor = None;
    let first = take(&mut *harness.source(), &mut cursor, 4, MANY).await;
    let again = take(&mut *harness.source(), &mut None, 4, MANY).await;
    assert_eq!(first, again);
    put(&harness, 4..6).await;
    let later = take(&mut *harness.source(), &mut cursor.clone(), 2, MANY).await;
    let again = take(&mut *harness.source(), &mut cursor, 2, MANY).await;
    assert_eq!(later, again);
}

/// and nothing of what came before.
pub async fn after_the_cursor_comes_the_rest(harness: Arc<dyn SourceHarness>) {
    put(&harness, 0..5).await;
    let (mut source, mut cursor) = (harness.source(), None);
    let first = take(&mut *source, &mut cursor, 2, 2).await;
    let rest = take(&mut *source, &mut cursor, 3, 2).await;
    assert_eq!(numbers(&harness, &first), [0, 1]);
    assert_eq!(numbers(&harness, &rest), [2, 3, 4]);
}

/// from one poll to the next, and from one source to the next.
pub async fn nothing_comes_twice_and_nothing_is_left_out(harness: Arc<dyn SourceHarness>) {
    let mut cursor = None;
    let mut all = Vec::new();
    for round in 0..4 {
        put(&harness, 5 * round..5 * (round + 1)).await;
        all.extend(take(&mut *harness.source(), &mut cursor, 5, MANY).await);
    }
    assert_eq!(numbers(&harness, &all), Vec::from_iter(0..20));
    let mut distinct = ids(&all);
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 20, "each has an id of its own");
}

/// what comes after it is given by the next.
pub async fn a_dropped_poll_lost_nothing(harness: Arc<dyn SourceHarness>) {
    let (mut source, mut cursor) = (harness.source(), None);
    for number in 0..3 {
        for _ in 0..3 {
            let mut poll = source.poll(cursor.as_ref(), MANY);
            assert!(poll_once(&mut poll).is_pending(), "there is nothing");
        }
        harness.put(number).await;
        // Polled where something may be, and dropped without its answer.
        let _ = poll_once(&mut source.poll(cursor.as_ref(), MANY));
        source.reject().await;
        let taken = take(&mut *source, &mut cursor, 1, MANY).await;
        assert_eq!(numbers(&harness, &taken), [number]);
    }
}

/// with the same cursor, under the same ids.
pub async fn what_was_rejected_comes_again(harness: Arc<dyn SourceHarness>) {
    put(&harness, 0..3).await;
    let mut source = harness.source();
    let first = within("documents", source.poll(None, 2)).await.expect("poll");
    source.reject().await;
    let again = take(&mut *source, &mut None, 3, 2).await;
    assert_eq!(ids(&first.documents), ids(&again[..first.documents.len()]));
    assert_eq!(numbers(&harness, &again), [0, 1, 2]);
}

/// at the start, and after a cursor.
pub async fn a_poll_waits_and_gives_what_comes(harness: Arc<dyn SourceHarness>) {
    let (mut source, mut cursor) = (harness.source(), None);
    for number in 0..2 {
        let (taken, ()) =
            tokio::join!(take(&mut *source, &mut cursor, 1, MANY), harness.put(number));
        assert_eq!(numbers(&harness, &taken), [number]);
    }
}
