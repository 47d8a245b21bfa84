//! Where the boxes of a chart stand: frames are filled from the inside out, the
//! outermost from top to bottom, the inner ones from left to right.

use super::label;
use super::layers::Siblings;
use super::measure::{CELL, LINE, NORMAL, Rect, SMALL, cells, text_width};
use super::scene::{Edge, Scene, Shape};

/// Cells between the border of a frame and what is in it.
const PADDING: i32 = 2;
/// Cells for the title of a frame.
pub(super) const TITLE: i32 = 3;
/// The height of a state, in cells.
const STATE: i32 = 4;
/// Layers beyond which a chart without frames goes from top to bottom.
const LONG: usize = 6;

/// The rectangle of each node, in cells, at the given percentage of the least
/// distances.
pub(super) fn place(scene: &Scene, spacing: i32) -> Vec<Rect> {
    let boxes = vec![Rect::default(); scene.nodes.len()];
    let mut placer = Placer { scene, spacing, boxes };
    for node in scene.inside(None) {
        placer.fill(node, 0);
        placer.boxes[node].x = PADDING;
        placer.boxes[node].y = PADDING;
        placer.shift_inner(node);
    }
    placer.boxes
}

struct Placer<'a> {
    scene: &'a Scene,
    spacing: i32,
    /// Until they are shifted, relative to the frame around.
    boxes: Vec<Rect>,
}

/// The way the layers follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Right,
}

impl Placer<'_> {
    fn fill(&mut self, node: usize, depth: usize) {
        let inner = self.scene.inside(Some(node));
        if inner.is_empty() {
            (self.boxes[node].w, self.boxes[node].h) = self.leaf(node);
            return;
        }
        for &child in &inner {
            self.fill(child, depth + 1);
        }
        let (regions, own): (Vec<usize>, Vec<usize>) =
            inner.into_iter().partition(|&child| self.scene.nodes[child].shape == Shape::Region);
        let (own_w, own_h) = self.stack(&own, depth);
        let (regions_w, bottom) = self.shelve(&regions, own_w * 13 / 10, own_h);
        let title = text_width(&self.scene.nodes[node].name, NORMAL) + 3 * CELL;
        let w = own_w.max(regions_w).max(cells(title));
        for &child in &own {
            self.boxes[child].x += (w - own_w) / 2;
        }
        (self.boxes[node].w, self.boxes[node].h) = (w, bottom);
    }

    fn leaf(&self, node: usize) -> (i32, i32) {
        let node = &self.scene.nodes[node];
        if node.shape == Shape::Dot {
            return (2, 2);
        }
        // An even number, so that the middle is on the grid.
        let width = cells(text_width(&node.name, NORMAL) + 26);
        ((width + width % 2).max(8), STATE)
    }

    /// The states of a frame, layer by layer. Gives the room they need with the
    /// title and the padding.
    fn stack(&mut self, nodes: &[usize], depth: usize) -> (i32, i32) {
        let nested = nodes.iter().any(|&node| self.scene.nodes[node].shape == Shape::Frame);
        let across = |way: Way, rect: Rect| if way == Way::Down { rect.w } else { rect.h };
        let mut way = if depth == 0 && nested { Way::Down } else { Way::Right };
        let siblings = Siblings::of(self.scene, nodes, |node| across(way, self.boxes[node]));
        if depth == 0 && siblings.layers() > LONG {
            way = Way::Down;
        }
        let layers = siblings.layers();
        let breadths: Vec<i32> =
            (0..layers).map(|layer| self.breadth(&siblings, layer, way)).collect();
        let broadest = breadths.iter().copied().max().unwrap_or(0);
        let (border_along, border_beside) = self.border_room(nodes, way);
        let side = PADDING + self.side_room(&siblings, way) + border_beside;
        let mut along = border_along + if way == Way::Down { TITLE + 1 } else { PADDING + 1 };
        let title = if way == Way::Right { TITLE } else { 0 };
        for (layer, breadth) in breadths.iter().enumerate() {
            let mut beside = side + title + (broadest - breadth) / 2;
            let members: Vec<usize> = siblings.members(layer).collect();
            let length = |rect: Rect| if way == Way::Down { rect.h } else { rect.w };
            let longest = members.iter().map(|&at| length(self.boxes[siblings.nodes[at]])).max();
            let longest = longest.unwrap_or(0);
            for at in members {
                let rect = &mut self.boxes[siblings.nodes[at]];
                let start = along + (longest - length(*rect)) / 2;
                (rect.x, rect.y) = if way == Way::Down { (beside, start) } else { (start, beside) };
                beside += across(way, *rect) + self.gap_beside(way);
            }
            along += longest;
            if layer + 1 < layers {
                along += self.gap_after(&siblings, layer, way);
            }
        }
        let beside = broadest + 2 * side + title;
        let along = along + border_along + PADDING + 1;
        if way == Way::Down { (beside, along) } else { (along, beside) }
    }

    fn breadth(&self, siblings: &Siblings, layer: usize, way: Way) -> i32 {
        let rects = siblings.members(layer).map(|at| self.boxes[siblings.nodes[at]]);
        let sizes: Vec<i32> =
            rects.map(|rect| if way == Way::Down { rect.w } else { rect.h }).collect();
        let gaps = i32::try_from(sizes.len()).unwrap_or(1) - 1;
        sizes.iter().sum::<i32>() + gaps * self.gap_beside(way)
    }

    fn gap_beside(&self, way: Way) -> i32 {
        self.spaced(if way == Way::Down { 14 } else { 5 })
    }

    /// Room between a layer and the next one, for the labels between them.
    fn gap_after(&self, siblings: &Siblings, layer: usize, way: Way) -> i32 {
        let between = siblings.edges.iter().filter(|(from, to, _)| {
            let (from, to) = (siblings.layer[*from], siblings.layer[*to]);
            from.min(to) == layer && from.max(to) == layer + 1
        });
        let labels = between.map(|(_, _, edge)| &self.scene.edges[*edge].labels);
        let room = labels.map(|labels| match way {
            Way::Right => {
                let widths = labels.iter().map(|label| text_width(label, SMALL));
                widths.max().map_or(0, |width| cells(width) + 1)
            }
            Way::Down => cells(LINE * i32::try_from(labels.len()).unwrap_or(1)),
        });
        self.spaced(4) + room.max().unwrap_or(0)
    }

    /// Room on both sides for the edges that pass layers by.
    fn side_room(&self, siblings: &Siblings, way: Way) -> i32 {
        let passing = siblings
            .edges
            .iter()
            .filter(|(from, to, _)| siblings.layer[*from].abs_diff(siblings.layer[*to]) != 1);
        let passing = i32::try_from(passing.count()).unwrap_or(0);
        match way {
            Way::Down => self.spaced(passing * 2),
            Way::Right => self.spaced((passing + 1) / 2 * 3),
        }
    }

    /// Room at the border of a frame for edges between it and what is in it: along
    /// the layers, and beside them.
    fn border_room(&self, nodes: &[usize], way: Way) -> (i32, i32) {
        let Some(frame) = nodes.first().and_then(|&node| self.scene.nodes[node].parent) else {
            return (0, 0);
        };
        let at_border = |edge: &&Edge| {
            (edge.from == frame && self.scene.goes_inward(edge))
                || (edge.to == frame && self.scene.is_inside(edge.from, frame))
        };
        let sizes = self.scene.edges.iter().filter(at_border).map(|edge| label::size(&edge.labels));
        let (w, h) =
            sizes.fold((0, 0), |(w, h), size| (w.max(cells(size.0)), h.max(cells(size.1))));
        // The outermost frame of a nested chart has room at its sides.
        if way == Way::Down { (0, 0) } else { (w, h) }
    }

    /// Regions side by side under the states, in rows not wider than that.
    fn shelve(&mut self, regions: &[usize], width: i32, top: i32) -> (i32, i32) {
        let (mut x, mut y, mut row_height, mut widest) = (PADDING, top, 0, 0);
        for &region in regions {
            let rect = self.boxes[region];
            if x > PADDING && x + rect.w + PADDING > width {
                (x, y, row_height) = (PADDING, y + row_height + PADDING, 0);
            }
            (self.boxes[region].x, self.boxes[region].y) = (x, y);
            x += rect.w + PADDING;
            row_height = row_height.max(rect.h);
            widest = widest.max(x);
        }
        let bottom = if regions.is_empty() { top } else { y + row_height + PADDING };
        (widest, bottom)
    }

    fn shift_inner(&mut self, frame: usize) {
        let Rect { x, y, .. } = self.boxes[frame];
        for child in self.scene.inside(Some(frame)) {
            self.boxes[child].x += x;
            self.boxes[child].y += y;
            self.shift_inner(child);
        }
    }

    fn spaced(&self, cells: i32) -> i32 {
        cells * self.spacing / 100
    }
}
