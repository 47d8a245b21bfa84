//! The statuses of 256 steps as bytes: for each, epoch and status in two.

use celeriac_core::workflow::{Status, StepMark};

/// How many steps' statuses are in a row.
pub(super) const STEPS: u32 = 256;
/// Later epochs count as this one: nobody retries so often.
const LAST_EPOCH: u32 = (u16::MAX >> 3) as u32;

/// The statuses of the steps of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statuses(Vec<u8>);

impl Statuses {
    /// What a row holds; nothing is noted of what it lacks.
    pub(super) fn new(mut bytes: Vec<u8>) -> Self {
        bytes.resize(2 * STEPS as usize, 0);
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The status of a step of the graph.
    pub(super) fn status(&self, step: u32) -> Status {
        let number = usize::from(self.noted(step) & 7);
        Status::ALL.get(number).copied().unwrap_or_default()
    }

    fn noted(&self, step: u32) -> u16 {
        let place = 2 * (step % STEPS) as usize;
        match self.0.get(place..place + 2) {
            Some(&[low, high]) => u16::from_le_bytes([low, high]),
            _ => 0,
        }
    }

    /// Notes a status of a step: a later epoch replaces what was, an earlier
    /// one changes nothing.
    pub(super) fn note(&mut self, step: u32, mark: &StepMark) {
        let (epoch, known) = (mark.epoch.min(LAST_EPOCH), u32::from(self.noted(step) >> 3));
        let status = match epoch {
            earlier if earlier < known => return,
            same if same == known => self.status(step).after(mark.status),
            _ => mark.status,
        };
        // Both fit: 13 bits and 3.
        let noted = (epoch as u16) << 3 | status as u16;
        let place = 2 * (step % STEPS) as usize;
        if let Some(bytes) = self.0.get_mut(place..place + 2) {
            bytes.copy_from_slice(&noted.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::MessageId;
    use celeriac_core::workflow::StepId;

    fn mark(epoch: u32, status: Status) -> StepMark {
        let (workflow, first) = (MessageId::new(), StepId(0));
        StepMark { workflow, first, count: 1, epoch, status }
    }

    #[test]
    fn within_an_epoch_a_status_only_rises() {
        let mut statuses = Statuses::new(Vec::new());
        let step = 3 * STEPS + 17;
        for (epoch, status, expected) in [
            (0, Status::Running, Status::Running),
            (0, Status::Success, Status::Success),
            (0, Status::Failure, Status::Success),
            (1, Status::Pending, Status::Pending),
            (0, Status::Success, Status::Pending),
            (u32::MAX, Status::Failure, Status::Failure),
        ] {
            statuses.note(step, &mark(epoch, status));
            assert_eq!(statuses.status(step), expected, "{epoch} {status}");
            assert_eq!(statuses.status(step + 1), Status::Pending);
        }
        assert_eq!(Statuses::new(statuses.bytes().to_vec()), statuses);
    }
}
