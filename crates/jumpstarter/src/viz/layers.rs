//! Which of the boxes in one frame come after which: layers, from the order of
//! declaration and the edges that follow it.

use super::scene::{Scene, Shape};

/// The boxes of one frame, and the edges between them.
pub(super) struct Siblings {
    /// Dots first, then in the order of declaration.
    pub(super) nodes: Vec<usize>,
    /// The layer of each of them.
    pub(super) layer: Vec<usize>,
    /// Positions in `nodes`, and the edge of the scene that joins them.
    pub(super) edges: Vec<(usize, usize, usize)>,
}

impl Siblings {
    /// `breadth` tells how much of a layer a node takes.
    pub(super) fn of(scene: &Scene, nodes: &[usize], breadth: impl Fn(usize) -> i32) -> Self {
        let mut nodes = nodes.to_vec();
        nodes.sort_by_key(|&node| (scene.nodes[node].shape != Shape::Dot, node));
        let home = |node: usize| {
            nodes.iter().position(|&near| near == node || scene.is_inside(node, near))
        };
        let mut edges = Vec::new();
        for (index, edge) in scene.edges.iter().enumerate() {
            if let (Some(from), Some(to)) = (home(edge.from), home(edge.to))
                && from != to
            {
                edges.push((from, to, index));
            }
        }
        let mut siblings = Siblings { layer: vec![0; nodes.len()], nodes, edges };
        siblings.follow();
        siblings.settle(breadth);
        siblings
    }

    pub(super) fn layers(&self) -> usize {
        self.layer.iter().max().map_or(0, |last| last + 1)
    }

    /// The positions in `nodes` of those in a layer.
    pub(super) fn members(&self, layer: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(move |&at| self.layer[at] == layer)
    }

    /// Each after the ones that lead to it and were declared before it.
    fn follow(&mut self) {
        for at in 0..self.nodes.len() {
            let before = self.edges.iter().filter(|(from, to, _)| *to == at && *from < at);
            let after = before.map(|(from, _, _)| self.layer[*from] + 1).max();
            self.layer[at] = after.unwrap_or(0);
        }
    }

    /// Those that nothing leads to go where their edges are short and where they
    /// do not make the frame broader.
    fn settle(&mut self, breadth: impl Fn(usize) -> i32) {
        const GAP: i32 = 10;
        let led_to = |at: usize| self.edges.iter().any(|(from, to, _)| *to == at && *from < at);
        let loose: Vec<usize> = (1..self.nodes.len()).filter(|&at| !led_to(at)).collect();
        let leads = |at: usize| self.edges.iter().any(|(from, to, _)| *from == at && *to > at);
        for at in loose {
            if leads(at) && self.layer[at] == 0 {
                continue;
            }
            let layers = self.layers();
            let mut widths = vec![0; layers];
            for other in (0..self.nodes.len()).filter(|&other| other != at) {
                widths[self.layer[other]] += breadth(self.nodes[other]) + GAP;
            }
            let limit = widths.iter().copied().max().unwrap_or(0);
            let cost = |layer: usize| {
                let far: usize = self
                    .edges
                    .iter()
                    .filter(|(from, to, _)| *from == at || *to == at)
                    .map(|(from, to, _)| self.layer[from + to - at].abs_diff(layer))
                    .sum();
                let broader = widths[layer] + breadth(self.nodes[at]) > limit;
                far + if broader { 10 } else { 0 }
            };
            let best = (0..layers).rev().min_by_key(|&layer| cost(layer)).unwrap_or(0);
            self.layer[at] = best;
        }
    }
}
