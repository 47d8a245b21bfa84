//! The edges of Celeriac.

use std::time::Instant;

use anyhow::{Result, ensure};
use celeriac_core::{Sink, Source};

use crate::load::{Load, Rate};

pub async fn write(mut sink: impl Sink, load: &Load) -> Result<Rate> {
    // What it makes at first is not what is measured.
    sink.write(&load.messages(0..1)).await?;
    let begun = Instant::now();
    for batch in load.batches() {
        sink.write(&load.messages(batch)).await?;
    }
    Ok(load.rate(begun))
}

/// Reads what is there, as documents that can be published.
pub async fn read(mut source: impl Source, load: &Load) -> Result<Rate> {
    source.poll(None, 1).await?;
    let (begun, mut cursor, mut read) = (Instant::now(), None, 0);
    while read < load.documents {
        let polled = source.poll(cursor.as_ref(), load.batch).await?;
        read += polled.documents.len();
        cursor = polled.cursor.or(cursor);
    }
    ensure!(read == load.documents, "{read} documents were read");
    Ok(load.rate(begun))
}
