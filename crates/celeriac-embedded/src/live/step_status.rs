//! The status of a step and the epoch that it was noted in, in two bytes.

use celeriac_core::workflow::Status;

const STATUS_BITS: u16 = 3;
/// Later epochs count as this one: nobody retries so often.
const LAST_EPOCH: u32 = u16::MAX as u32 >> STATUS_BITS;

/// The status of a step and its epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepStatus(pub(crate) u16);

impl StepStatus {
    pub(crate) fn status(self) -> Status {
        let number = usize::from(self.0 & ((1 << STATUS_BITS) - 1));
        Status::ALL.get(number).copied().unwrap_or_default()
    }

    /// What is known once this is noted: a later epoch replaces what was, an
    /// earlier one changes nothing.
    pub(crate) fn noted(self, epoch: u32, status: Status) -> Self {
        let epoch = epoch.min(LAST_EPOCH) as u16;
        let known = self.0 >> STATUS_BITS;
        let status = match epoch.cmp(&known) {
            std::cmp::Ordering::Less => return self,
            std::cmp::Ordering::Equal => self.status().after(status),
            std::cmp::Ordering::Greater => status,
        };
        Self(epoch << STATUS_BITS | status as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bytes_hold_every_status_and_epoch() {
        for epoch in [0, 1, LAST_EPOCH] {
            for status in Status::ALL {
                let noted = StepStatus::default().noted(epoch, status);
                assert_eq!(noted.status(), status);
                assert!(noted.noted(epoch, Status::Success).status().is_terminal());
            }
        }
        let failed = StepStatus::default().noted(1, Status::Failure);
        assert_eq!(failed.noted(1, Status::Success), failed);
        assert_eq!(failed.noted(0, Status::Success), failed);
        assert_eq!(failed.noted(2, Status::Pending).status(), Status::Pending);
    }
}
