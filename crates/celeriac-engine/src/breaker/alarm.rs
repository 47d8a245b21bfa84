//! How loudly a trip is told: as a warning, or as an error when there are many.

use std::collections::VecDeque;
use std::time::Duration;

use celeriac_core::Timestamp;

/// How loudly to tell of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    /// It happens.
    Warning,
    /// It happens too often.
    Error,
}

/// When trips are told as errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// How many trips. Default 3.
    pub trips: usize,
    /// Within which time. Default 5 min.
    pub within: Duration,
    /// After how long without that many they are warnings again. Default 30 min.
    pub calm: Duration,
}

impl Default for Alarm {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { trips: 3, within: minutes(5), calm: minutes(30) }
    }
}

/// The latest trips of one breaker.
#[derive(Clone, Debug, Default)]
pub(super) struct Trips {
    at: VecDeque<Timestamp>,
    /// Until when all are told as errors.
    loud_until: Option<Timestamp>,
}

impl Trips {
    /// Counts a trip, and says how loudly to tell of it.
    pub(super) fn trip(&mut self, alarm: &Alarm, now: Timestamp) -> Loudness {
        self.at.push_back(now);
        // More than decide are never looked at.
        if self.at.len() > alarm.trips {
            self.at.pop_front();
        }
        let are_many = self.at.len() >= alarm.trips
            && self.at.front().is_some_and(|first| now.since(*first) <= alarm.within);
        if are_many {
            self.loud_until = Some(now.after(alarm.calm));
        }
        match self.loud_until {
            Some(until) if now < until => Loudness::Error,
            _ => Loudness::Warning,
        }
    }
}
