//! The colours, and which state has which.

use crate::lifecycle::State;

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// All is well.
    Green,
    /// On the way, or not quite well.
    Amber,
    /// Broken.
    Red,
    /// Held back.
    Slate,
    /// Not begun, or over.
    Grey,
    /// Nothing is known about it.
    Plain,
}

/// Fill, line and text of a box, as `#rrggbb`.
pub(super) struct Colours {
    pub(super) fill: &'static str,
    pub(super) line: &'static str,
    pub(super) text: &'static str,
}

const fn colours(fill: &'static str, line: &'static str, text: &'static str) -> Colours {
    Colours { fill, line, text }
}

impl Tone {
    pub(super) const ALL: [Tone; 6] =
        [Tone::Green, Tone::Amber, Tone::Red, Tone::Slate, Tone::Grey, Tone::Plain];

    /// Words for it in class names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Tone::Green => "green",
            Tone::Amber => "amber",
            Tone::Red => "red",
            Tone::Slate => "slate",
            Tone::Grey => "grey",
            Tone::Plain => "plain",
        }
    }

    /// Words for it in the legend.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Tone::Green => "healthy, running",
            Tone::Amber => "degraded, starting, stopping",
            Tone::Red => "unhealthy, crashed",
            Tone::Slate => "paused",
            Tone::Grey => "not started, stopped",
            Tone::Plain => "",
        }
    }

    pub(super) const fn light(self) -> Colours {
        match self {
            Tone::Green => colours("#dcf5e3", "#2f9e55", "#14532d"),
            Tone::Amber => colours("#fdf0cf", "#c98a0a", "#6b4400"),
            Tone::Red => colours("#fde2e0", "#d1423a", "#7a1712"),
            Tone::Slate => colours("#dfe8f3", "#5d7fa8", "#24405f"),
            Tone::Grey => colours("#eceef1", "#8b93a0", "#3b424d"),
            Tone::Plain => colours("#ffffff", "#8b93a0", "#1f2430"),
        }
    }

    pub(super) const fn dark(self) -> Colours {
        match self {
            Tone::Green => colours("#123d24", "#43b86e", "#c9f2d7"),
            Tone::Amber => colours("#453208", "#d9a12b", "#fbe6b5"),
            Tone::Red => colours("#4d1a17", "#e5655d", "#fbd3d0"),
            Tone::Slate => colours("#22344a", "#7d9fc8", "#d5e3f4"),
            Tone::Grey => colours("#2b3038", "#7b8492", "#d9dde3"),
            Tone::Plain => colours("#20242b", "#7b8492", "#e6e8ec"),
        }
    }

    /// The tone of a state by its path. A name that says nothing has the tone of
    /// the state around it.
    pub(super) fn of_path(path: &str) -> Tone {
        path.rsplit('.').find_map(Tone::of_name).unwrap_or(Tone::Plain)
    }

    fn of_name(name: &str) -> Option<Tone> {
        Some(match name {
            "healthy" | "running" | "started" | "succeeded" | "restarted" => Tone::Green,
            "degraded" | "starting" | "stopping" | "restarting" | "retrying" => Tone::Amber,
            "unhealthy" | "crashed" | "failed" => Tone::Red,
            "paused" => Tone::Slate,
            "initializing" | "initialized" | "stopped" | "ignore" => Tone::Grey,
            _ => return None,
        })
    }

    pub(super) fn of_state(state: State) -> Tone {
        Tone::of_path(state.path())
    }
}
