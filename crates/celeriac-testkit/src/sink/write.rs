//! What is written, in which order, and what happens if it can't be.

use std::sync::Arc;

use celeriac_core::{ContentType, ErrorKind, Message, MessageId, Name};

use super::SinkHarness;
use crate::probe::{poll_once, within};

const NAME: Name = Name::from_static("sample");

fn documents(count: usize) -> Vec<Arc<Message>> {
    let document = |number: usize| {
        let mut message = Message::document(NAME, ContentType::Json, number.to_string());
        message.may_repeat = true;
        Arc::new(message)
    };
    (0..count).map(document).collect()
}

fn ids(batch: &[Arc<Message>]) -> Vec<MessageId> {
    batch.iter().map(|message| message.id).collect()
}

/// K-01: also for whoever opens it anew.
pub async fn what_is_written_is_there(harness: Arc<dyn SinkHarness>) {
    let first = documents(3);
    within("a write", harness.sink().write(&first)).await.expect("write");
    assert_eq!(harness.written().await, ids(&first));
    let second = documents(2);
    within("a write", harness.sink().write(&second)).await.expect("write");
    assert_eq!(harness.written().await, [ids(&first), ids(&second)].concat());
}

/// K-02: within a batch, and from batch to batch.
pub async fn documents_keep_their_order(harness: Arc<dyn SinkHarness>) {
    let mut sink = harness.sink();
    let all = documents(2 * sink.max_batch() + 1);
    let size = sink.max_batch();
    for batch in all.chunks(size) {
        within("a write", sink.write(batch)).await.expect("write");
    }
    assert_eq!(harness.written().await, ids(&all));
}

/// K-03: and no other.
pub async fn what_is_written_again_bears_the_same_id(harness: Arc<dyn SinkHarness>) {
    let (mut sink, batch) = (harness.sink(), documents(2));
    for _ in 0..2 {
        within("a write", sink.write(&batch)).await.expect("write");
    }
    let written = harness.written().await;
    assert!(ids(&batch).iter().all(|id| written.contains(id)), "{written:?}");
    assert!(written.iter().all(|id| ids(&batch).contains(id)), "{written:?}");
}

/// K-04: those that are taken by themselves are written.
pub async fn a_refused_document_spares_the_others(harness: Arc<dyn SinkHarness>) {
    let Some(refused) = harness.refused() else {
        return crate::suite::skipped("the sink takes all documents");
    };
    let (mut sink, good) = (harness.sink(), documents(2));
    let batch = [good[0].clone(), refused.clone(), good[1].clone()];
    let error = within("a write", sink.write(&batch)).await.expect_err("a refused document");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    for document in [&good[0], &good[1]] {
        let single = std::slice::from_ref(document);
        within("a write", sink.write(single)).await.expect("write");
    }
    let error = within("a write", sink.write(&[refused])).await.expect_err("a refused document");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let written = harness.written().await;
    assert!(ids(&good).iter().all(|id| written.contains(id)), "{written:?}");
}

/// K-05: it may have written, and writes again.
pub async fn a_dropped_write_harms_nothing(harness: Arc<dyn SinkHarness>) {
    let (mut sink, batch) = (harness.sink(), documents(2));
    let _ = poll_once(&mut sink.write(&batch));
    within("a write", sink.write(&batch)).await.expect("write");
    let written = harness.written().await;
    assert!(written.ends_with(&ids(&batch)), "{written:?}");
    assert!(written.iter().all(|id| ids(&batch).contains(id)), "{written:?}");
}

/// K-06: and is no error.
pub async fn an_empty_batch_writes_nothing(harness: Arc<dyn SinkHarness>) {
    within("a write", harness.sink().write(&[])).await.expect("write");
    assert_eq!(harness.written().await, []);
}

/// K-07: without a new sink; what it says meanwhile blames no document.
pub async fn a_sink_that_was_down_goes_on(harness: Arc<dyn SinkHarness>) {
    let (mut sink, batch) = (harness.sink(), documents(3));
    within("a write", sink.write(&batch[..1])).await.expect("write");
    harness.break_down();
    for _ in 0..2 {
        let error = within("a write", sink.write(&batch[1..])).await.expect_err("it is down");
        assert_ne!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    harness.mend();
    within("a write", sink.write(&batch[1..])).await.expect("write");
    assert_eq!(harness.written().await, ids(&batch));
}
