//! How a task has fared lately: what its actor's health is decided by. Pure.

use celeriac_core::platform::RunResult;

/// How many of the latest runs count.
const WINDOW: u32 = u32::BITS;
/// So few runs say nothing.
const FEW: u32 = 8;

/// How a task fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Most runs succeed.
    #[default]
    Healthy,
    /// At least every second run of late failed.
    Degraded,
    /// Every run of late failed.
    Unhealthy,
}

/// The latest runs of a task, one bit each: whether it failed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    failed: u32,
    known: u32,
}

impl Record {
    /// A run ended. One that was taken back says nothing about the task.
    pub(crate) const fn note(&mut self, result: &RunResult) {
        let failed = match result {
            RunResult::Success { .. } | RunResult::Replaced { .. } | RunResult::Ignored => 0,
            RunResult::Failed { .. }
            | RunResult::Final { .. }
            | RunResult::Undecodable { .. }
            | RunResult::Poisonous { .. } => 1,
            RunResult::Revoked | RunResult::Released => return,
        };
        self.failed = self.failed << 1 | failed;
        if self.known < WINDOW {
            self.known += 1;
        }
    }

    pub(crate) const fn standing(self) -> Standing {
        let failed = self.failed.count_ones();
        if self.known < FEW || failed * 2 < self.known {
            Standing::Healthy
        } else if failed < self.known {
            Standing::Degraded
        } else {
            Standing::Unhealthy
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::{ContentType, Failure};

    fn check(runs: &[(u32, bool)], expected: Standing) {
        let mut record = Record::default();
        for (count, fails) in runs {
            let failure = || Failure::new("e", "no");
            let value = || (ContentType::Json, "1".into());
            for _ in 0..*count {
                let ((content_type, value), failure) = (value(), failure());
                record.note(&match fails {
                    true => RunResult::Final { failure },
                    false => RunResult::Success { content_type, value },
                });
                record.note(&RunResult::Released);
            }
        }
        assert_eq!(record.standing(), expected, "{runs:?}");
    }

    #[test]
    fn standings() {
        check(&[], Standing::Healthy);
        check(&[(FEW - 1, true)], Standing::Healthy);
        check(&[(FEW, true)], Standing::Unhealthy);
        check(&[(FEW, true), (1, false)], Standing::Degraded);
        check(&[(FEW, true), (FEW, false)], Standing::Degraded);
        check(&[(FEW, true), (FEW + 1, false)], Standing::Healthy);
        check(&[(WINDOW, false), (WINDOW / 2 - 1, true)], Standing::Healthy);
        check(&[(WINDOW, false), (WINDOW / 2, true)], Standing::Degraded);
        check(&[(WINDOW, false), (WINDOW, true)], Standing::Unhealthy);
    }
}
