//! What is in a picture: boxes inside boxes, and edges between them. Every
//! format is written from this; where things stand on the page is not known here.

use std::collections::BTreeSet;

use super::tone::Tone;

/// A picture before it is laid out.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) title: String,
    pub(super) kind: Kind,
    /// Parents before what is inside them.
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Chart,
    Tree,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    pub(super) name: String,
    /// Further lines under the name.
    pub(super) detail: Vec<String>,
    /// What is told beyond the lines: the full path, for example.
    pub(super) tooltip: String,
    pub(super) tone: Tone,
    /// The frame around it.
    pub(super) parent: Option<usize>,
    /// Whether an actor is in it right now.
    pub(super) current: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A state without sub-states.
    State,
    /// A state, or a whole chart, with something inside.
    Frame,
    /// A chart that runs beside the others in the same frame.
    Region,
    /// The dot from which the first sub-state is entered.
    Dot,
    /// An actor.
    Card,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) labels: Vec<String>,
    pub(super) dashed: bool,
}

impl Scene {
    /// What stands directly inside `frame`, in order.
    pub(super) fn inside(&self, frame: Option<usize>) -> Vec<usize> {
        (0..self.nodes.len()).filter(|&node| self.nodes[node].parent == frame).collect()
    }

    /// Whether `node` stands inside `frame`, at any depth; not in itself.
    pub(super) fn is_inside(&self, node: usize, frame: usize) -> bool {
        let mut around = self.nodes[node].parent;
        while let Some(parent) = around {
            if parent == frame {
                return true;
            }
            around = self.nodes[parent].parent;
        }
        false
    }

    /// The frames around `node`, innermost first.
    pub(super) fn around(&self, node: usize) -> Vec<usize> {
        std::iter::successors(self.nodes[node].parent, |&frame| self.nodes[frame].parent).collect()
    }

    /// The edges that leave a frame for something inside of it: "from anywhere in here".
    pub(super) fn goes_inward(&self, edge: &Edge) -> bool {
        self.is_inside(edge.to, edge.from)
    }

    /// The tones in use, for the legend.
    pub(super) fn tones(&self) -> BTreeSet<Tone> {
        let legible = self.nodes.iter().filter(|node| node.shape != Shape::Dot);
        legible.map(|node| node.tone).filter(|&tone| tone != Tone::Plain).collect()
    }

    pub(super) fn has_dashed(&self) -> bool {
        self.edges.iter().any(|edge| edge.dashed)
    }

    pub(super) fn has(&self, shape: Shape) -> bool {
        self.nodes.iter().any(|node| node.shape == shape)
    }
}
