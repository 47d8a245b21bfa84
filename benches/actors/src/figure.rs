//! The figures that come out of the cases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    Tell1,
    Tell8,
    AskMean,
    AskP50,
    AskP99,
    Askers64,
    SpawnStop,
    IdleBytes,
    RingHop,
    SkynetSeconds,
    SkynetPeak,
    RestartError,
    RestartPanic,
}

impl Figure {
    pub const ALL: [Figure; 13] = [
        Figure::Tell1,
        Figure::Tell8,
        Figure::AskMean,
        Figure::AskP50,
        Figure::AskP99,
        Figure::Askers64,
        Figure::SpawnStop,
        Figure::IdleBytes,
        Figure::RingHop,
        Figure::SkynetSeconds,
        Figure::SkynetPeak,
        Figure::RestartError,
        Figure::RestartPanic,
    ];

    /// What it is, with its unit.
    pub const fn title(self) -> &'static str {
        match self {
            Figure::Tell1 => "tell 1→1, ns",
            Figure::Tell8 => "tell 8→1, ns",
            Figure::AskMean => "ask, mean ns",
            Figure::AskP50 => "ask, p50 ns",
            Figure::AskP99 => "ask, p99 ns",
            Figure::Askers64 => "64 askers, ns",
            Figure::SpawnStop => "spawn+start+stop, ns",
            Figure::IdleBytes => "idle actor, bytes",
            Figure::RingHop => "ring hop, ns",
            Figure::SkynetSeconds => "skynet, s",
            Figure::SkynetPeak => "skynet peak, MiB",
            Figure::RestartError => "restart, error, µs",
            Figure::RestartPanic => "restart, panic, µs",
        }
    }

    /// Whether it depends on which worker the actor and its senders happen to
    /// be on, so that the least of the rounds says more than the median.
    pub const fn is_bimodal(self) -> bool {
        matches!(self, Figure::Tell8 | Figure::Askers64)
    }
}

/// The figures of one measurement.
pub type Figures = BTreeMap<Figure, f64>;

/// What a measurement says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    Figures(Figures),
    /// The framework can't do it.
    Missing(String),
}
