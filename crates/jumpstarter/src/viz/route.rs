//! Ways for the edges: along the grid, with few bends and crossings, around
//! everything that stands there. The cheapest way is searched for each edge, one
//! after the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::measure::Rect;
use super::scene::{Edge, Scene};
use super::terrain::{BORDER_ACROSS, BORDER_DOWN, NEAR, Terrain, WALL, WAYS, ports};

const STEP: u32 = 2;
const BEND: u32 = 14;
const CROSS: u32 = 12;
const OVERLAP: u32 = 300;
const LABEL: u32 = 120;
const BY_A_WALL: u32 = 3;
const BY_AN_EDGE: u32 = 3;
const OVER_A_BORDER: u32 = 4;
const ALONG_A_BORDER: u32 = 300;
const JOIN: u32 = 4;

/// The way of one edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path {
    /// Its ends and its corners, in cells.
    pub(super) points: Vec<(i32, i32)>,
    /// It ends on another edge that goes to the same place for the same reason.
    pub(super) joined: bool,
}

/// Who passes a point: 0 nobody, else the number of the bundle plus one.
#[derive(Clone, Copy, Default)]
struct Taken {
    across: usize,
    down: usize,
}

pub(super) struct Router<'a> {
    scene: &'a Scene,
    boxes: &'a [Rect],
    size: (i32, i32),
    taken: Vec<Taken>,
    labels: Vec<bool>,
    /// Places where edges ran into each other, so far.
    pub(super) defects: usize,
}

/// The search for one way.
struct Search<'r> {
    router: &'r Router<'r>,
    terrain: Terrain,
    bundle: usize,
    cost: Vec<u32>,
    before: Vec<usize>,
    open: BinaryHeap<Reverse<(u32, usize)>>,
}

const NOWHERE: usize = usize::MAX;

impl<'a> Router<'a> {
    pub(super) fn new(scene: &'a Scene, boxes: &'a [Rect], size: (i32, i32)) -> Self {
        let points = usize::try_from((size.0 + 1) * (size.1 + 1)).unwrap_or(0);
        Router {
            scene,
            boxes,
            size,
            taken: vec![Taken::default(); points],
            labels: vec![false; points],
            defects: 0,
        }
    }

    /// The way of an edge; `None` if there is none. Edges of one bundle may join.
    pub(super) fn route(&mut self, edge: &Edge, bundle: usize) -> Option<Path> {
        let terrain = Terrain::new(self.scene, self.boxes, self.size, edge);
        let states = self.taken.len() * 4;
        let mut search = Search {
            router: self,
            terrain,
            bundle: bundle + 1,
            cost: vec![u32::MAX; states],
            before: vec![NOWHERE; states],
            open: BinaryHeap::new(),
        };
        for port in ports(self.boxes[edge.from], self.scene.goes_inward(edge)) {
            let Some(at) = search.terrain.index(port.at) else { continue };
            let penalty = search.strangers(at) * OVERLAP;
            search.reach(at * 4 + port.way, port.off.unsigned_abs() + penalty, NOWHERE);
        }
        let (end, joined) = search.run()?;
        let points = search.way_to(end);
        let path = Path { points: corners(&points), joined };
        self.occupy(&path.points, bundle);
        Some(path)
    }

    /// Marks the points of a way as taken.
    pub(super) fn occupy(&mut self, points: &[(i32, i32)], bundle: usize) {
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let across = from.1 == to.1;
            for y in from.1.min(to.1)..=from.1.max(to.1) {
                for x in from.0.min(to.0)..=from.0.max(to.0) {
                    self.take((x, y), across, bundle + 1);
                }
            }
        }
    }

    fn take(&mut self, (x, y): (i32, i32), across: bool, bundle: usize) {
        let Ok(at) = usize::try_from(y * (self.size.0 + 1) + x) else { return };
        let Some(taken) = self.taken.get_mut(at) else { return };
        let lane = if across { &mut taken.across } else { &mut taken.down };
        if *lane != 0 && *lane != bundle {
            self.defects += 1;
        }
        *lane = bundle;
    }

    /// Keeps later edges away from a label.
    pub(super) fn keep_clear(&mut self, rect: Rect) {
        for y in rect.y..=rect.bottom() {
            for x in rect.x..=rect.right() {
                if !(0..=self.size.0).contains(&x) {
                    continue;
                }
                let at = usize::try_from(y * (self.size.0 + 1) + x).ok();
                if let Some(label) = at.and_then(|at| self.labels.get_mut(at)) {
                    *label = true;
                }
            }
        }
    }
}

impl Search<'_> {
    fn reach(&mut self, state: usize, cost: u32, before: usize) {
        if cost < self.cost[state] {
            self.cost[state] = cost;
            self.before[state] = before;
            self.open.push(Reverse((cost, state)));
        }
    }

    /// The last state of the cheapest way, and whether it joins another edge.
    fn run(&mut self) -> Option<(usize, bool)> {
        while let Some(Reverse((cost, state))) = self.open.pop() {
            if cost > self.cost[state] {
                continue;
            }
            let (at, way) = (state / 4, state % 4);
            let begun = self.before[state] != NOWHERE;
            if begun && self.terrain.is_goal(at, way) {
                return Some((state, false));
            }
            if begun && self.is_own(at) {
                return Some((state, true));
            }
            for next in 0..4 {
                let straight = next == way;
                if next != (way + 2) % 4 && (straight || begun) {
                    self.step(state, next, cost);
                }
            }
        }
        None
    }

    fn step(&mut self, state: usize, way: usize, cost: u32) {
        let (at, before) = (state / 4, state % 4);
        let (x, y) = self.point(at);
        let to = (x + WAYS[way].0, y + WAYS[way].1);
        let Some(next) = self.terrain.index(to) else { return };
        let mut cost = cost + STEP;
        if way != before {
            cost += BEND + self.strangers(at) * OVERLAP;
            if self.terrain.flags(at) & (BORDER_ACROSS | BORDER_DOWN) != 0 {
                cost += ALONG_A_BORDER;
            }
        }
        let reached = next * 4 + way;
        if self.terrain.is_goal(next, way) {
            let off = self.off_middle(to);
            self.reach(reached, cost + off + self.strangers(next) * OVERLAP, state);
        } else if self.terrain.flags(next) & WALL == 0 {
            let passing = if self.is_own(next) { JOIN } else { self.passing(to, next, way) };
            self.reach(reached, cost + passing, state);
        }
    }

    /// The cost of going through a point, beside the step.
    fn passing(&self, (x, y): (i32, i32), at: usize, way: usize) -> u32 {
        let across = way.is_multiple_of(2);
        let flags = self.terrain.flags(at);
        let (along, over) =
            if across { (BORDER_ACROSS, BORDER_DOWN) } else { (BORDER_DOWN, BORDER_ACROSS) };
        let mut cost = 0;
        if flags & NEAR != 0 {
            cost += BY_A_WALL;
        }
        if flags & along != 0 {
            cost += ALONG_A_BORDER;
        }
        if flags & over != 0 {
            cost += OVER_A_BORDER;
        }
        if self.router.labels[at] {
            cost += LABEL;
        }
        let taken = self.router.taken[at];
        let (same, other) =
            if across { (taken.across, taken.down) } else { (taken.down, taken.across) };
        if same != 0 {
            cost += OVERLAP;
        }
        if other != 0 {
            cost += CROSS;
        }
        let sides = if across { [(x, y - 1), (x, y + 1)] } else { [(x - 1, y), (x + 1, y)] };
        for side in sides.into_iter().filter_map(|side| self.terrain.index(side)) {
            let taken = self.router.taken[side];
            if (if across { taken.across } else { taken.down }) != 0 {
                cost += BY_AN_EDGE;
            }
        }
        cost
    }

    fn off_middle(&self, (x, y): (i32, i32)) -> u32 {
        let touched = self.router.boxes.iter().filter(|rect| rect.holds((x, y)));
        let off = touched.map(|rect| {
            if x == rect.x || x == rect.right() {
                (2 * (y - rect.y) - rect.h).unsigned_abs() / 2
            } else {
                (2 * (x - rect.x) - rect.w).unsigned_abs() / 2
            }
        });
        off.min().unwrap_or(0)
    }

    /// How many edges of other bundles pass a point.
    fn strangers(&self, at: usize) -> u32 {
        let taken = self.router.taken[at];
        let strange = |lane: usize| u32::from(lane != 0 && lane != self.bundle);
        strange(taken.across) + strange(taken.down)
    }

    fn is_own(&self, at: usize) -> bool {
        let taken = self.router.taken[at];
        taken.across == self.bundle || taken.down == self.bundle
    }

    fn point(&self, at: usize) -> (i32, i32) {
        let at = i32::try_from(at).unwrap_or(0);
        (at % (self.terrain.width + 1), at / (self.terrain.width + 1))
    }

    fn way_to(&self, end: usize) -> Vec<(i32, i32)> {
        let back = |&state: &usize| Some(self.before[state]).filter(|&before| before != NOWHERE);
        let mut points: Vec<(i32, i32)> =
            std::iter::successors(Some(end), back).map(|state| self.point(state / 4)).collect();
        points.reverse();
        points
    }
}

/// The ends and the points where the way turns.
fn corners(points: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let mut corners: Vec<(i32, i32)> = Vec::new();
    for (index, &point) in points.iter().enumerate() {
        let inner = index > 0 && index + 1 < points.len();
        let straight = inner && {
            let (before, after) = (points[index - 1], points[index + 1]);
            before.0 == after.0 || before.1 == after.1
        };
        if !straight {
            corners.push(point);
        }
    }
    corners
}
