//! What every edge is given: documents of one size, in batches.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use celeriac_core::{ContentType, Message, Name};

/// Documents a second.
pub type Rate = f64;

/// The value of each document.
pub const BODY: &str =
    r#"{"order":"0190f0a0-0000-7000-8000-000000000000","cents":129900,"city":"Lyon"}"#;

pub struct Load {
    pub documents: usize,
    pub batch: usize,
}

impl Load {
    pub fn new(documents: usize, batch: usize) -> Self {
        Self { documents: documents.max(1), batch: batch.max(1) }
    }

    /// The batches, as the places of their documents.
    pub fn batches(&self) -> impl Iterator<Item = Range<usize>> {
        let end = self.documents;
        (0..end).step_by(self.batch).map(move |first| first..end.min(first + self.batch))
    }

    pub fn messages(&self, batch: Range<usize>) -> Vec<Arc<Message>> {
        let name = Name::from_static("shop::order");
        let message = |_| Message::document(name.clone(), ContentType::Json, BODY).into();
        batch.map(message).collect()
    }

    pub fn rate(&self, since: Instant) -> Rate {
        self.documents as f64 / since.elapsed().as_secs_f64()
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { documents, batch } = self;
        write!(f, "{documents} documents of {} bytes, {batch} at once", BODY.len())
    }
}
