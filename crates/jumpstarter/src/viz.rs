//! Drawings: of a chart, of a living system, of one actor in its chart.
//!
//! A [`Drawing`] is made from data at one moment and can be written as Graphviz
//! DOT, as Mermaid, and as SVG. The SVG is laid out here, without any other
//! program, and suits light and dark pages. The same data always gives the same
//! text.
//!
//! | colour | meaning |
//! |---|---|
//! | green | healthy, running |
//! | amber | degraded, starting, stopping |
//! | red | unhealthy, crashed, failed |
//! | blue-grey | paused |
//! | grey | not started, stopped |
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use jumpstarter::{Options, System, actor, viz};
//!
//! struct Clerk;
//!
//! #[actor]
//! impl Clerk {}
//!
//! let system = System::new("office");
//! system.spawn("clerk", Options::default(), || Clerk).started().await.unwrap();
//! let drawing = viz::tree(&system);
//! assert!(drawing.svg().starts_with("<svg"));
//! assert!(drawing.dot().starts_with("digraph"));
//! assert!(drawing.mermaid().starts_with("flowchart"));
//! # });
//! ```

mod arrows;
mod dot;
mod draw_chart;
mod draw_tree;
mod label;
mod layers;
mod layout;
mod legend;
mod live;
mod measure;
mod mermaid;
mod place;
mod place_tree;
mod route;
mod scene;
mod style;
mod svg;
mod terrain;
mod tone;

pub use self::live::Live;

use crate::chart::Chart;
use crate::snapshot::ActorSnapshot;
use crate::system::System;

use self::scene::Scene;

/// A picture that can be written in several formats.
#[derive(Clone, Debug)]
pub struct Drawing {
    scene: Scene,
}

/// Draws a chart: its states with their sub-states, its arrows, its regions side
/// by side, and the chart that it extends.
///
/// An arrow that leaves every state inside a frame is drawn once, from the frame.
pub fn chart(chart: &'static Chart) -> Drawing {
    Drawing { scene: draw_chart::scene(chart, None) }
}

/// Draws every living actor of a system: solid edges lead to children, dashed
/// ones to dependencies.
pub fn tree(system: &System) -> Drawing {
    tree_of(system.name(), &system.snapshot())
}

/// Draws the actors of a snapshot, which may come from elsewhere. Dependencies
/// that are not among them are left out.
///
/// If two actors have the same path, edges lead to the first of them.
pub fn tree_of(title: &str, actors: &[ActorSnapshot]) -> Drawing {
    Drawing { scene: draw_tree::scene(title, actors) }
}

/// Draws an actor in the chart of its type: the states in which it is stand out,
/// in the lifecycle, in the restart region and in a region for each task.
pub fn instance(chart: &'static Chart, actor: &ActorSnapshot) -> Drawing {
    Drawing { scene: draw_chart::scene(chart, Some(actor)) }
}

impl Drawing {
    /// For Graphviz, in its DOT language.
    pub fn dot(&self) -> String {
        dot::write(&self.scene)
    }

    /// For Mermaid: a `stateDiagram-v2`, or a `flowchart` of a tree.
    pub fn mermaid(&self) -> String {
        mermaid::write(&self.scene)
    }

    /// A complete SVG document, with a legend. Follows the colour scheme of the
    /// page (`prefers-color-scheme`).
    ///
    /// The edges of charts run along a grid and around everything that stands
    /// there. In trees of more than about a hundred actors dependencies are
    /// straight lines.
    pub fn svg(&self) -> String {
        svg::write(&self.scene)
    }
}
