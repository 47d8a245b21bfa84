//! Where the actors of a tree stand: children to the right of their parents,
//! one under the other. The edges to children are drawn here, too, as they are
//! part of the order.

use super::measure::{NORMAL, Rect, SMALL, cells, text_width};
use super::scene::{Node, Scene};

/// The height of an actor, in cells.
const CARD: i32 = 8;
/// Cells between actors that stand below each other.
const GAP: i32 = 3;
/// Cells between a parent and its children.
const STEP: i32 = 8;
/// Cells around the tree.
const MARGIN: i32 = 6;
/// Cells for the title.
const TITLE: i32 = 6;

/// The rectangle of each actor, in cells, at the given percentage of the least
/// distances.
pub(super) fn place(scene: &Scene, spacing: i32) -> Vec<Rect> {
    let mut children = vec![Vec::new(); scene.nodes.len()];
    let mut is_child = vec![false; scene.nodes.len()];
    for edge in scene.edges.iter().filter(|edge| !edge.dashed) {
        children[edge.from].push(edge.to);
        is_child[edge.to] = true;
    }
    let boxes = vec![Rect::default(); scene.nodes.len()];
    let mut planter = Planter { scene, children, boxes, next: TITLE, spacing };
    for root in (0..scene.nodes.len()).filter(|&node| !is_child[node]) {
        planter.plant(root, MARGIN);
    }
    planter.boxes
}

struct Planter<'a> {
    scene: &'a Scene,
    children: Vec<Vec<usize>>,
    boxes: Vec<Rect>,
    /// Where the next actor without children stands.
    next: i32,
    spacing: i32,
}

impl Planter<'_> {
    fn plant(&mut self, node: usize, x: i32) {
        let w = self.column_width();
        let gap = GAP * self.spacing / 100;
        let children = self.children[node].clone();
        for &child in &children {
            self.plant(child, x + w + STEP * self.spacing / 100);
        }
        let y = match (children.first(), children.last()) {
            (Some(&first), Some(&last)) => (self.boxes[first].y + self.boxes[last].y) / 2,
            _ => {
                self.next += CARD + gap;
                self.next - CARD - gap
            }
        };
        self.boxes[node] = Rect { x, y, w, h: CARD };
    }

    fn column_width(&self) -> i32 {
        let widest = self.scene.nodes.iter().map(width).max().unwrap_or(0);
        let width = cells(widest + 34);
        width + width % 2
    }
}

fn width(node: &Node) -> i32 {
    let details = node.detail.iter().map(|text| text_width(text, SMALL));
    details.chain([text_width(&node.name, NORMAL)]).max().unwrap_or(0)
}

/// The way from a parent to a child, through the middle of the gap.
pub(super) fn branch(parent: Rect, child: Rect) -> Vec<(i32, i32)> {
    let middle = child.x - (child.x - parent.right()) / 2;
    let (start, end) = (parent.y + parent.h / 2, child.y + child.h / 2);
    let mut way = vec![(parent.right(), start), (middle, start), (middle, end), (child.x, end)];
    way.dedup();
    way
}
