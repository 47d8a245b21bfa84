//! The results of groups that settle failures.

use std::collections::BTreeMap;

use celeriac_core::workflow::StepError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a member of a group, or a step, ended that [settles](super::Group::settle) failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settled<T> {
    /// With a value.
    Value(T),
    /// With an error.
    #[schemars(with = "serde_json::Value")]
    Error(Box<StepError>),
}

impl<T> Settled<T> {
    /// The value, or the error.
    ///
    /// # Errors
    /// The member's error, if it failed.
    pub fn into_result(self) -> Result<T, StepError> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Error(error) => Err(*error),
        }
    }
}

/// Results of a group, each of which can be settled by itself.
pub trait Settle {
    /// The same with a [`Settled`] for each result.
    type Settled;
}

impl<T> Settle for Vec<T> {
    type Settled = Vec<Settled<T>>;
}

impl<T> Settle for BTreeMap<String, T> {
    type Settled = BTreeMap<String, Settled<T>>;
}

macro_rules! settle_tuple {
    ($($member:ident)*) => {
        impl<$($member),*> Settle for ($($member,)*) {
            type Settled = ($(Settled<$member>,)*);
        }
    };
}

super::group::each_tuple!(settle_tuple);
