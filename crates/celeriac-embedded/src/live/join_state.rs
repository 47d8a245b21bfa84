//! What a join knows of its members, beside the members themselves.

use celeriac_core::store::{Join, Joined};

/// What a join knows of its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JoinState(pub(crate) Joined);

impl JoinState {
    /// A member is in that was not before.
    pub(crate) fn add(&mut self, join: &Join) {
        let state = &mut self.0;
        state.done += 1;
        state.weight += join.member.weight();
        if join.member.is_error() {
            state.failed = Some(state.failed.map_or(join.index, |first| first.min(join.index)));
        }
        let failed_fast = join.fail_fast && join.member.is_error();
        if state.closed_by.is_none() && (state.done >= join.width || failed_fast) {
            state.closed_by = Some(join.index);
        }
    }

    /// A member is out again; `failed` is now the first that failed.
    pub(crate) fn remove(&mut self, weight: u64, failed: Option<u32>) {
        let state = &mut self.0;
        state.done = state.done.saturating_sub(1);
        state.weight = state.weight.saturating_sub(weight);
        (state.failed, state.closed_by) = (failed, None);
    }
}
