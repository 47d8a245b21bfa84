//! What an edge may pass: boxes are walls, borders of frames are crossed at a
//! right angle, titles are left alone. Made anew for each edge, as its own
//! frames are open to it.

use super::measure::{NORMAL, Rect, cells, text_width};
use super::place::TITLE;
use super::scene::{Edge, Scene, Shape};

/// Nothing passes.
pub(super) const WALL: u8 = 1;
/// Next to a wall.
pub(super) const NEAR: u8 = 2;
/// On the upper or lower border of a frame.
pub(super) const BORDER_ACROSS: u8 = 4;
/// On the left or right border of a frame.
pub(super) const BORDER_DOWN: u8 = 8;

/// Right, down, left, up.
pub(super) const WAYS: [(i32, i32); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// A place on a border where an edge may begin or end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) at: (i32, i32),
    /// The way from the border.
    pub(super) way: usize,
    /// How far it is from the middle of its side.
    pub(super) off: i32,
}

pub(super) struct Terrain {
    pub(super) width: i32,
    pub(super) height: i32,
    flags: Vec<u8>,
    /// Bit `1 << way`: an edge that arrives here that way is at its end.
    goals: Vec<u8>,
}

impl Terrain {
    pub(super) fn new(
        scene: &Scene,
        boxes: &[Rect],
        (width, height): (i32, i32),
        edge: &Edge,
    ) -> Self {
        let size = usize::try_from((width + 1) * (height + 1)).unwrap_or(0);
        let mut terrain = Terrain { width, height, flags: vec![0; size], goals: vec![0; size] };
        let around_from = scene.around(edge.from);
        let around_to = scene.around(edge.to);
        for (index, rect) in boxes.iter().enumerate() {
            let open = around_from.contains(&index) || around_to.contains(&index);
            if open {
                terrain.open(*rect, title_of(scene, index, *rect));
            }
        }
        for (index, rect) in boxes.iter().enumerate() {
            let open = around_from.contains(&index) || around_to.contains(&index);
            let under_a_wall = scene
                .around(index)
                .iter()
                .any(|frame| !around_from.contains(frame) && !around_to.contains(frame));
            if !open && !under_a_wall {
                terrain.wall(*rect);
            }
        }
        for port in ports(boxes[edge.to], scene.is_inside(edge.from, edge.to)) {
            if let Some(at) = terrain.index(port.at) {
                terrain.goals[at] |= 1 << ((port.way + 2) % 4);
            }
        }
        terrain
    }

    pub(super) fn index(&self, (x, y): (i32, i32)) -> Option<usize> {
        let inside = (0..=self.width).contains(&x) && (0..=self.height).contains(&y);
        inside.then(|| usize::try_from(y * (self.width + 1) + x).ok()).flatten()
    }

    pub(super) fn flags(&self, at: usize) -> u8 {
        self.flags[at]
    }

    pub(super) fn is_goal(&self, at: usize, way: usize) -> bool {
        self.goals[at] & (1 << way) != 0
    }

    fn mark(&mut self, rect: Rect, flag: u8) {
        for y in rect.y..=rect.bottom() {
            for x in rect.x..=rect.right() {
                if let Some(at) = self.index((x, y)) {
                    self.flags[at] |= flag;
                }
            }
        }
    }

    fn wall(&mut self, rect: Rect) {
        self.mark(rect.grown(1), NEAR);
        self.mark(rect, WALL);
    }

    fn open(&mut self, rect: Rect, title: Rect) {
        self.mark(Rect { h: 0, ..rect }, BORDER_ACROSS);
        self.mark(Rect { y: rect.bottom(), h: 0, ..rect }, BORDER_ACROSS);
        self.mark(Rect { w: 0, ..rect }, BORDER_DOWN);
        self.mark(Rect { x: rect.right(), w: 0, ..rect }, BORDER_DOWN);
        self.mark(title, WALL);
    }
}

/// The cells under the title of a frame.
pub(super) fn title_of(scene: &Scene, node: usize, rect: Rect) -> Rect {
    let w = cells(text_width(&scene.nodes[node].name, NORMAL)) + 1;
    Rect { x: rect.x, y: rect.y, w, h: TITLE - 1 }
}

/// The ports of a box, all but its corners; `inside`: those of a frame for edges
/// that stay inside of it.
pub(super) fn ports(rect: Rect, inside: bool) -> Vec<Port> {
    let mut ports = Vec::new();
    let turned = |way: usize| if inside { (way + 2) % 4 } else { way };
    for x in rect.x + 1..rect.right() {
        let off = (2 * (x - rect.x) - rect.w).abs() / 2;
        ports.push(Port { at: (x, rect.bottom()), way: turned(1), off });
        ports.push(Port { at: (x, rect.y), way: turned(3), off });
    }
    for y in rect.y + 1..rect.bottom() {
        let off = (2 * (y - rect.y) - rect.h).abs() / 2;
        ports.push(Port { at: (rect.right(), y), way: turned(0), off });
        ports.push(Port { at: (rect.x, y), way: turned(2), off });
    }
    ports
}

/// Whether a box is a wall to everybody: nothing stands in it.
pub(super) fn is_solid(scene: &Scene, node: usize) -> bool {
    !matches!(scene.nodes[node].shape, Shape::Frame | Shape::Region)
}
