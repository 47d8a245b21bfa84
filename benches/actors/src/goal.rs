//! What jumpstarter shall reach: ratios to the tokio channel in the same run,
//! and sizes in themselves.

use crate::figure::Figure;

/// The most that is still good.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// The ratio of the medians.
    Ratio(f64),
    /// The ratio of the least.
    RatioOfLeast(f64),
    /// The median itself.
    Value(f64),
}

impl Figure {
    pub const fn goal(self) -> Option<Goal> {
        Some(match self {
            Figure::Tell1 => Goal::Ratio(0.5),
            Figure::Tell8 | Figure::AskMean => Goal::Ratio(1.0),
            Figure::Askers64 => Goal::RatioOfLeast(1.1),
            Figure::SpawnStop => Goal::Ratio(0.7),
            Figure::IdleBytes => Goal::Value(900.0),
            Figure::RingHop => Goal::Ratio(1.1),
            Figure::SkynetSeconds => Goal::Ratio(0.9),
            Figure::SkynetPeak => Goal::Value(300.0),
            // 1.0 and 7 µs where the channel takes 1.24 and 8.7.
            Figure::RestartError | Figure::RestartPanic => Goal::Ratio(0.8),
            Figure::AskP50 | Figure::AskP99 => return None,
        })
    }
}
