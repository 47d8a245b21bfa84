//! Time limits: which hold for a run, and what a run that overran them comes to.

use std::time::Duration;

use celeriac_core::platform::RunResult;
use celeriac_core::{Failure, Message, Timestamp};

use crate::definition::TimeLimits;

impl TimeLimits {
    /// The limits of one run: its message's own before its task's, and the
    /// deadline of its tree as a hard one.
    pub(crate) fn of(self, message: &Message) -> Self {
        let Some(rare) = message.rare.as_deref() else { return self };
        let left = rare.deadline.map(|deadline| deadline.since(Timestamp::now()));
        let hard = rare.time_limit.or(self.hard);
        Self { soft: rare.soft_time_limit.or(self.soft), hard: hard.into_iter().chain(left).min() }
    }

    pub(crate) const fn is_none(self) -> bool {
        self.soft.is_none() && self.hard.is_none()
    }
}

/// What a run that overran its hard limit comes to.
pub(crate) fn overran(limit: Duration) -> RunResult {
    let text = format!("it ran longer than its time limit of {} ms", limit.as_millis());
    RunResult::Failed { failure: Failure::new("time_limit", text), retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::Name;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_message_says_more_than_the_task() {
        let limits = TimeLimits { soft: Some(SECOND), hard: Some(SECOND * 3) };
        let mut message = Message::command(Name::from_static("t"), "");
        assert_eq!(limits.of(&message), limits);
        message.rare_mut().time_limit = Some(SECOND * 2);
        assert_eq!(limits.of(&message), TimeLimits { hard: Some(SECOND * 2), ..limits });
    }

    #[test]
    fn a_deadline_is_a_hard_limit() {
        let mut message = Message::command(Name::from_static("t"), "");
        message.rare_mut().deadline = Some(Timestamp::now().after(SECOND));
        let hard = TimeLimits::default().of(&message).hard;
        assert!(hard.is_some_and(|left| left <= SECOND), "{hard:?}");
    }
}
