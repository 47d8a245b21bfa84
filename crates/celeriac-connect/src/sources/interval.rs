//! What a function gives, every so often.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::source::{Document, Polled, Source, id_of};
use celeriac_core::{BoxFuture, ContentType, Error, ErrorKind, Timestamp, body};
use serde::Serialize;

type Produce = dyn Fn(Timestamp) -> BoxFuture<'static, Result<Vec<Bytes>>> + Send + Sync;

/// A source that asks a function every so often; what that gives becomes
/// documents, in JSON.
///
/// The turns are multiples of the period since 1970 (UTC), the same on every
/// machine. After a pause only the latest missed turn is made up for. A turn that
/// fails, or whose documents could not be published, is tried again: the function
/// may be asked more than once for a turn, and its documents bear the same ids.
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use celeriac_connect::sources::Interval;
///
/// let ticks = Interval::new(Duration::from_secs(60), |turn| async move {
///     Ok::<_, Infallible>(vec![turn.as_millis()])
/// });
/// # let _ = ticks;
/// ```
#[derive(Clone)]
pub struct Interval {
    period: Duration,
    produce: Arc<Produce>,
}

impl Interval {
    /// A source that asks `produce` every `period`, of at least a millisecond,
    /// for the documents of a turn; its argument is the time of the turn.
    #[must_use]
    pub fn new<P, F, T, E>(period: Duration, produce: P) -> Self
    where
        P: Fn(Timestamp) -> F + Send + Sync + 'static,
        F: Future<Output = std::result::Result<Vec<T>, E>> + Send + 'static,
        T: Serialize,
        E: std::error::Error,
    {
        let produce = move |turn: Timestamp| -> BoxFuture<'static, Result<Vec<Bytes>>> {
            let produced = produce(turn);
            Box::pin(async move {
                let failed = |reason: String| {
                    let context = format!("{turn}: {reason}");
                    Error::new(ErrorKind::Internal, "make the documents of", context)
                };
                let values = produced.await.map_err(|error| failed(error.to_string()))?;
                let encode = |value: &T| body::encode(&ContentType::Json, value);
                let bodies = values.iter().map(encode).collect::<std::result::Result<_, _>>();
                bodies.map_err(|error| failed(error.to_string()))
            })
        };
        Self { period: period.max(Duration::from_millis(1)), produce: Arc::new(produce) }
    }

    /// The latest turn that is not after `now`.
    fn latest(&self, now: Timestamp) -> Timestamp {
        let period = u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(now.as_millis() / period * period)
    }

    async fn next(&self, cursor: Option<&Bytes>) -> Result<Polled> {
        let done = cursor.map(|bytes| turn_of(bytes)).transpose()?;
        let turn = loop {
            let now = Timestamp::now();
            let latest = self.latest(now);
            if done.is_none_or(|done| done < latest) {
                break latest;
            }
            tokio::time::sleep(latest.after(self.period).since(now)).await;
        };
        let bodies = (self.produce)(turn).await?;
        let document = |(position, body): (usize, Bytes)| {
            Document::json(id_of(turn, &position.to_string()), body)
        };
        let documents = bodies.into_iter().enumerate().map(document).collect();
        let cursor = Some(turn.as_millis().to_string().into());
        Ok(Polled { documents, cursor })
    }
}

impl Source for Interval {
    /// A turn's documents come all at once, whatever their number.
    fn poll<'a>(
        &'a mut self,
        cursor: Option<&'a Bytes>,
        _: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(self.next(cursor))
    }
}

fn turn_of(cursor: &[u8]) -> Result<Timestamp> {
    let millis = std::str::from_utf8(cursor).ok().and_then(|text| text.parse().ok());
    millis.map(Timestamp::from_millis).ok_or_else(|| {
        let context = "it is no time; the source had another kind: give it another name";
        Error::new(ErrorKind::Corrupt, "read an interval's cursor", context)
    })
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval").field("period", &self.period).finish_non_exhaustive()
    }
}
