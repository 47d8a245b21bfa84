//! Results: of any width, as one value or as a stream in order.

use std::collections::VecDeque;

use celeriac_core::Store;
use celeriac_core::body;
use celeriac_core::workflow::{Form, Member, Reference, Value};
use celeriac_engine::canvas::{ResolveError, Resolver, assemble};
use futures_util::Stream;
use serde::de::DeserializeOwned;

use super::{WorkflowHandle, WorkflowResultError};

/// How many members are read at once.
const PAGE: usize = 1000;

/// What is still to be read of a list.
enum Rest {
    /// Nothing was read yet.
    Unknown,
    /// Members from this one on.
    From(Reference, u32),
    /// Nothing.
    End,
}

impl<Out> WorkflowHandle<Out> {
    pub(super) fn decode<T: DeserializeOwned>(
        &self,
        value: &Value,
    ) -> Result<T, WorkflowResultError> {
        let id = self.id;
        match value {
            Value::Inline(content_type, bytes) => body::decode(content_type, bytes)
                .map_err(|source| WorkflowResultError::Decode { id, source }),
            // Values are resolved before they are decoded.
            Value::Joined(_) => Err(WorkflowResultError::Unknown(id)),
        }
    }

    /// The value itself, read from its join if it is there.
    pub(super) async fn resolved(&self, value: Value) -> Result<Value, WorkflowResultError> {
        match value {
            Value::Joined(reference) => Ok(resolve(&**self.store().await?, reference).await?),
            inline @ Value::Inline(..) => Ok(inline),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> WorkflowHandle<Vec<T>> {
    /// Waits for the workflow's end; then the results in order. Those of a wide
    /// group are read a thousand at a time, so they need not fit in memory.
    ///
    /// The stream ends after an error: every [`WorkflowResultError`] but `Timeout`.
    pub fn results(&self) -> impl Stream<Item = Result<T, WorkflowResultError>> + Send + use<T> {
        let begin = (Self::clone(self), VecDeque::new(), Rest::Unknown);
        futures_util::stream::try_unfold(begin, async |(handle, mut ready, mut rest)| {
            loop {
                if let Some(next) = ready.pop_front() {
                    return Ok(Some((next, (handle, ready, rest))));
                }
                let (page, next) = match rest {
                    Rest::End => return Ok(None),
                    Rest::Unknown => handle.first_page().await?,
                    Rest::From(reference, from) => handle.page(reference, from).await?,
                };
                (ready, rest) = (page, next);
            }
        })
    }

    async fn first_page(&self) -> Result<(VecDeque<T>, Rest), WorkflowResultError> {
        match self.value().await? {
            Value::Joined(reference) if matches!(reference.form, Form::List | Form::Settled) => {
                self.page(reference, 0).await
            }
            value => Ok((self.decode(&self.resolved(value).await?)?, Rest::End)),
        }
    }

    async fn page(
        &self,
        reference: Reference,
        from: u32,
    ) -> Result<(VecDeque<T>, Rest), WorkflowResultError> {
        if from >= reference.width {
            return Ok((VecDeque::new(), Rest::End));
        }
        let store = self.store().await?;
        let read = store.members(reference.workflow, reference.join, from, PAGE).await?;
        let mut members = Vec::with_capacity(read.len());
        for (expected, (index, member)) in (from..).zip(read) {
            if index != expected {
                break;
            }
            members.push(match member {
                Member::Value(Value::Joined(inner)) => {
                    Member::Value(resolve(&**store, inner).await?)
                }
                member => member,
            });
        }
        if members.is_empty() {
            let Reference { workflow, join, .. } = reference;
            return Err(ResolveError::Gone { workflow, join, from }.into());
        }
        let list = assemble(&reference.form, &members).map_err(ResolveError::from)?;
        // At most a page.
        let next = from + members.len() as u32;
        Ok((self.decode(&list)?, Rest::From(reference, next)))
    }
}

async fn resolve(store: &dyn Store, reference: Reference) -> Result<Value, WorkflowResultError> {
    let mut resolver = Resolver::new(reference);
    while let Some(wanted) = resolver.wanted() {
        let members = store.members(wanted.workflow, wanted.join, wanted.from, wanted.max).await?;
        resolver.give(members)?;
    }
    Ok(resolver.into_value().unwrap_or_else(|| Value::json("null")))
}
