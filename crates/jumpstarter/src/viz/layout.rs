//! The page: boxes, ways and labels, tried with growing distances until nothing
//! touches anything.

use super::label::{self, Obstacles};
use super::measure::{CELL, Rect, cells, text_width};
use super::route::{Path, Router};
use super::scene::{Kind, Scene};
use super::terrain::{is_solid, title_of};
use super::{place, place_tree};

/// Percentages of the least distances that are tried.
const SPACINGS: [i32; 4] = [100, 130, 165, 210];
/// Points of the grid beyond which dependencies are drawn straight: to look for
/// ways would take seconds.
const ROUTED_POINTS: i32 = 300_000;

/// A scene on its page.
pub(super) struct Layout {
    /// The rectangle of each node, in cells.
    pub(super) boxes: Vec<Rect>,
    /// The way of each edge.
    pub(super) paths: Vec<Path>,
    /// The place of each edge's label, in pixels.
    pub(super) labels: Vec<Option<Rect>>,
    /// Of the whole page, in cells.
    pub(super) size: (i32, i32),
}

/// Finds the tightest page on which nothing touches; if there is none, the one
/// on which the least touches.
pub(super) fn lay_out(scene: &Scene) -> Layout {
    let mut best: Option<(usize, Layout)> = None;
    for spacing in SPACINGS {
        let (defects, layout) = attempt(scene, spacing);
        if best.as_ref().is_none_or(|(least, _)| defects < *least) {
            best = Some((defects, layout));
        }
        if defects == 0 {
            break;
        }
    }
    best.map(|(_, layout)| layout).unwrap_or_else(|| attempt(scene, 100).1)
}

fn attempt(scene: &Scene, spacing: i32) -> (usize, Layout) {
    let boxes = match scene.kind {
        Kind::Chart => place::place(scene, spacing),
        Kind::Tree => place_tree::place(scene, spacing),
    };
    let margin = if scene.kind == Kind::Tree { 6 } else { 2 };
    let title = cells(text_width(&scene.title, 16.0)) + 8;
    let size = (
        boxes.iter().map(Rect::right).max().unwrap_or(0).max(title) + margin,
        boxes.iter().map(Rect::bottom).max().unwrap_or(6) + margin,
    );
    let mut drafter = Drafter::new(scene, &boxes, size);
    drafter.draw();
    let Drafter { paths, labels, defects, router, .. } = drafter;
    let defects = defects + router.defects;
    (defects, Layout { boxes, paths, labels, size })
}

struct Drafter<'a> {
    scene: &'a Scene,
    boxes: &'a [Rect],
    router: Router<'a>,
    obstacles: Obstacles,
    paths: Vec<Path>,
    labels: Vec<Option<Rect>>,
    /// For each edge, the first one that goes to the same place for the same reason.
    bundles: Vec<usize>,
    searches: bool,
    defects: usize,
}

impl<'a> Drafter<'a> {
    fn new(scene: &'a Scene, boxes: &'a [Rect], size: (i32, i32)) -> Self {
        let mut obstacles = Obstacles::default();
        for (node, rect) in boxes.iter().enumerate() {
            if is_solid(scene, node) {
                obstacles.add(rect.to_pixels());
            } else {
                obstacles.add_border(rect.to_pixels());
                obstacles.add(title_of(scene, node, *rect).to_pixels());
            }
        }
        let alike = |edge: usize, other: usize| {
            let (edge, other) = (&scene.edges[edge], &scene.edges[other]);
            edge.to == other.to && edge.labels == other.labels && edge.dashed == other.dashed
        };
        let first = |edge| (0..edge).find(|&other| alike(edge, other)).unwrap_or(edge);
        Drafter {
            scene,
            boxes,
            router: Router::new(scene, boxes, size),
            obstacles,
            paths: vec![Path::default(); scene.edges.len()],
            labels: vec![None; scene.edges.len()],
            bundles: (0..scene.edges.len()).map(first).collect(),
            searches: size.0.saturating_mul(size.1) <= ROUTED_POINTS,
            defects: 0,
        }
    }

    fn draw(&mut self) {
        let mut order: Vec<usize> = (0..self.scene.edges.len()).collect();
        order.sort_by_key(|&edge| {
            let edge = &self.scene.edges[edge];
            (edge.dashed, self.scene.goes_inward(edge), self.distance(edge.from, edge.to))
        });
        for edge in order {
            self.draw_edge(edge);
        }
    }

    fn draw_edge(&mut self, index: usize) {
        let edge = &self.scene.edges[index];
        let (from, to) = (self.boxes[edge.from], self.boxes[edge.to]);
        let path = if self.scene.kind == Kind::Tree && !edge.dashed {
            let points = place_tree::branch(from, to);
            self.router.occupy(&points, self.scene.edges.len() + edge.from);
            Some(Path { points, joined: false })
        } else if self.searches {
            self.router.route(edge, self.bundles[index])
        } else {
            None
        };
        let path = path.unwrap_or_else(|| {
            self.defects += 1;
            let points = vec![(from.x, from.y + from.h / 2), (to.x, to.y + to.h / 2)];
            Path { points, joined: false }
        });
        let way: Vec<(i32, i32)> = path.points.iter().map(|(x, y)| (x * CELL, y * CELL)).collect();
        self.obstacles.add_way(&way);
        if !edge.labels.is_empty() && !path.joined {
            self.name(index, &way);
        }
        self.paths[index] = path;
    }

    fn name(&mut self, index: usize, way: &[(i32, i32)]) {
        let edge = &self.scene.edges[index];
        let shared = self.bundles.iter().filter(|&&b| b == self.bundles[index]).count() > 1;
        let size = label::size(&edge.labels);
        let Some((rect, free)) = label::place(way, size, &self.obstacles, shared) else { return };
        if !free {
            self.defects += 1;
        }
        self.obstacles.add(rect);
        let covered = Rect {
            x: rect.x / CELL,
            y: rect.y / CELL,
            w: cells(rect.right()) - rect.x / CELL,
            h: cells(rect.bottom()) - rect.y / CELL,
        };
        self.router.keep_clear(covered);
        self.labels[index] = Some(rect);
    }

    fn distance(&self, from: usize, to: usize) -> i32 {
        let (from, to) = (self.boxes[from], self.boxes[to]);
        let across = (from.x - to.right()).max(to.x - from.right()).max(0);
        let down = (from.y - to.bottom()).max(to.y - from.bottom()).max(0);
        across + down
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Arrow, Chart, StateNode};
    use crate::viz::draw_chart;
    use crate::{Lifecycle, Statechart};

    /// Numbers that look random and are the same every time.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % limit
        }
    }

    /// A chart of up to three levels, with arrows between any two states.
    fn chart(seed: u64) -> &'static Chart {
        let mut dice = Dice(seed);
        let mut states: Vec<StateNode> = Vec::new();
        for index in 0..3 + dice.below(9) {
            let parent = (index > 0 && dice.below(2) == 0).then(|| dice.below(index));
            let shallow = |at: usize| states[at].parent.is_none_or(|p| states[p].parent.is_none());
            let parent = parent.filter(|&at| shallow(at));
            let name: &'static str = format!("state_{index}").leak();
            let path: &'static str = match parent {
                Some(at) => format!("{}.{name}", states[at].path).leak(),
                None => name,
            };
            let first = !states.iter().any(|state| state.parent == parent);
            states.push(StateNode { path, name, parent, initial: first, resting: true });
        }
        let arrow = |dice: &mut Dice| Arrow {
            trigger: ["go", "come_back", "do_something_longer"][dice.below(3)],
            from: dice.below(states.len()),
            to: dice.below(states.len()),
        };
        let arrows: Vec<Arrow> = (0..states.len()).map(|_| arrow(&mut dice)).collect();
        Box::leak(Box::new(Chart {
            name: "Random",
            arrows: arrows.leak(),
            states: states.leak(),
            regions: &[],
            extends: None,
        }))
    }

    fn segments(path: &Path) -> impl Iterator<Item = Rect> + '_ {
        path.points.windows(2).map(|pair| {
            let (x, y) = (pair[0].0.min(pair[1].0), pair[0].1.min(pair[1].1));
            Rect { x, y, w: (pair[0].0 - pair[1].0).abs(), h: (pair[0].1 - pair[1].1).abs() }
        })
    }

    /// What makes a picture unreadable. How full the page is does not matter.
    fn check(scene: &Scene, layout: &Layout, seed: u64) {
        let solid = |node: &usize| is_solid(scene, *node);
        let walls: Vec<usize> = (0..scene.nodes.len()).filter(solid).collect();
        for (edge, path) in scene.edges.iter().zip(&layout.paths) {
            assert!(path.points.len() > 1, "seed {seed}: {edge:?} has no way");
            for &wall in &walls {
                let inner = layout.boxes[wall].grown(-1);
                let hit = segments(path).any(|segment| segment.meets(&inner));
                assert!(!hit, "seed {seed}: {edge:?} runs through {}", scene.nodes[wall].tooltip);
            }
        }
        for (index, wall) in walls.iter().enumerate() {
            for other in &walls[index + 1..] {
                let meets = layout.boxes[*wall].meets(&layout.boxes[*other]);
                assert!(!meets, "seed {seed}: boxes {wall} and {other} touch");
            }
        }
        for (edge, label) in scene.edges.iter().zip(&layout.labels) {
            let Some(label) = label else { continue };
            for &wall in &walls {
                let meets = label.meets(&layout.boxes[wall].to_pixels());
                assert!(!meets, "seed {seed}: the label of {edge:?} is on a box");
            }
        }
    }

    #[test]
    fn the_picture_of_the_lifecycle_is_without_a_fault() {
        let scene = draw_chart::scene(Lifecycle::CHART, None);
        assert_eq!(attempt(&scene, 100).0, 0);
    }

    #[test]
    fn edges_run_through_no_box_and_labels_stand_on_none() {
        for seed in 0..60 {
            let scene = draw_chart::scene(chart(seed), None);
            check(&scene, &lay_out(&scene), seed);
        }
    }
}
