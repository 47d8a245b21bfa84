//! Dependencies found by their path: one that is not there yet is waited for.

use std::any::type_name;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::link;
use crate::actor::Actor;
use crate::cell::{AnyCell, Cell};
use crate::error::StartFailure;
use crate::resource::Requirement;
use crate::system::System;

/// How long a start waits for an actor of a [name](super::Dependency::named)
/// that is not there yet, unless told otherwise.
pub const DEFAULT_NAMED_WAIT: Duration = Duration::from_secs(5);

/// An actor that is found by its path.
pub(super) struct Sought {
    path: String,
    type_name: &'static str,
    is_of_type: fn(Arc<dyn AnyCell>) -> bool,
    pub(super) requirement: Requirement,
    /// How long to wait for it.
    limit: Duration,
}

impl Sought {
    /// Unless told otherwise, one that is optional is not waited for.
    pub(super) fn of<B: Actor>(
        path: String,
        requirement: Requirement,
        limit: Option<Duration>,
    ) -> Self {
        let usual = match requirement {
            Requirement::Required => DEFAULT_NAMED_WAIT,
            Requirement::Optional => Duration::ZERO,
        };
        Sought {
            path,
            type_name: type_name::<B>(),
            is_of_type: |cell| cell.into_any().downcast::<Cell<B>>().is_ok(),
            requirement,
            limit: limit.unwrap_or(usual),
        }
    }

    /// The actor that is there now, if it is of the right type; `None`: nobody is.
    pub(super) fn look(&self, system: &System) -> Option<Result<Arc<dyn AnyCell>, StartFailure>> {
        let cell = system.find_cell(&self.path)?;
        if (self.is_of_type)(Arc::clone(&cell)) {
            return Some(Ok(cell));
        }
        let found = cell.core().type_name();
        let (path, wanted) = (self.path.clone(), self.type_name);
        Some(Err(StartFailure::WrongType { path, wanted, found }))
    }

    fn missing(self) -> StartFailure {
        let Sought { path, type_name, limit, .. } = self;
        StartFailure::Missing { type_name, path: Some(path), waited: limit }
    }
}

/// Waits for those that were not there, and links to them.
pub(super) async fn await_all(
    own: &Arc<dyn AnyCell>,
    sought: Vec<Sought>,
) -> Result<(), StartFailure> {
    let begun = Instant::now();
    let system = &own.core().system;
    for one in sought {
        let requirement = one.requirement;
        let appears = system.registry().until(|| one.look(system));
        let found = match timeout_at(begun + one.limit, appears).await {
            Ok(found) => found,
            Err(_) => Err(one.missing()),
        };
        match found {
            Ok(cell) => link(own, cell, requirement)?,
            Err(failure) if requirement == Requirement::Optional => {
                let path = &own.core().path;
                tracing::warn!(%path, %failure, "optional dependency left out");
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}
