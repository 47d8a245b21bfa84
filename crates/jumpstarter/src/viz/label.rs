//! Where the name of an edge stands: beside its way, where nothing else is.

use super::measure::{LINE, Rect, SMALL, text_width};

/// Pixels between a label and its edge.
const OFF: i32 = 4;
/// Pixels along the way at which a label is looked for first.
const EARLY: i32 = 70;
/// How much worse it is to touch a line than to be far away.
const LINE_TOUCHED: i32 = 1_000;
/// The same for a box, a title or another label.
const BOX_TOUCHED: i32 = 100_000;

/// The size of a label, in pixels.
pub(super) fn size(labels: &[String]) -> (i32, i32) {
    let width = labels.iter().map(|label| text_width(label, SMALL)).max().unwrap_or(0);
    (width, LINE * i32::try_from(labels.len()).unwrap_or(1))
}

/// What labels keep clear of, in pixels.
#[derive(Default)]
pub(super) struct Obstacles {
    pub(super) rects: Vec<Rect>,
}

impl Obstacles {
    pub(super) fn add(&mut self, rect: Rect) {
        self.rects.push(rect);
    }

    /// The four sides of a frame.
    pub(super) fn add_border(&mut self, rect: Rect) {
        self.add(Rect { h: 0, ..rect });
        self.add(Rect { w: 0, ..rect });
        self.add(Rect { y: rect.bottom(), h: 0, ..rect });
        self.add(Rect { x: rect.right(), w: 0, ..rect });
    }

    pub(super) fn add_way(&mut self, points: &[(i32, i32)]) {
        for pair in points.windows(2) {
            self.add(segment(pair[0], pair[1]));
        }
    }

    /// How bad it is to stand there; 0: nothing is in the way.
    fn touched(&self, rect: Rect) -> i32 {
        let rect = rect.grown(1);
        let touched = self.rects.iter().filter(|other| other.meets(&rect));
        let weights =
            touched.map(|other| if other.w.min(other.h) == 0 { LINE_TOUCHED } else { BOX_TOUCHED });
        weights.fold(0, i32::saturating_add)
    }
}

fn segment(from: (i32, i32), to: (i32, i32)) -> Rect {
    let (x, y) = (from.0.min(to.0), from.1.min(to.1));
    Rect { x, y, w: (from.0 - to.0).abs(), h: (from.1 - to.1).abs() }
}

/// The best place beside a way, and whether it touches nothing. `late`: near the
/// end of the way instead of its beginning. The way itself is an obstacle, too.
pub(super) fn place(
    way: &[(i32, i32)],
    (w, h): (i32, i32),
    obstacles: &Obstacles,
    late: bool,
) -> Option<(Rect, bool)> {
    let lengths: Vec<i32> = way.windows(2).map(|pair| length(pair[0], pair[1])).collect();
    let total: i32 = lengths.iter().sum();
    let early = EARLY.min(total / 2);
    let wanted = if late { total - early } else { early };
    let mut best: Option<(i32, Rect, bool)> = None;
    let mut passed = 0;
    for (pair, length) in way.windows(2).zip(&lengths) {
        for at in (0..=*length).step_by(5) {
            for (rect, penalty) in beside(pair[0], pair[1], at, (w, h)) {
                let touched = obstacles.touched(rect);
                let score = (passed + at - wanted).abs() + penalty;
                let score = touched.saturating_add(score);
                if best.is_none_or(|(least, _, _)| score < least) {
                    best = Some((score, rect, touched == 0));
                }
            }
        }
        passed += length;
    }
    best.map(|(_, rect, free)| (rect, free))
}

fn length(from: (i32, i32), to: (i32, i32)) -> i32 {
    (from.0 - to.0).abs() + (from.1 - to.1).abs()
}

/// The places on both sides of a point of a segment, and what speaks against them.
fn beside(from: (i32, i32), to: (i32, i32), at: i32, (w, h): (i32, i32)) -> [(Rect, i32); 2] {
    let length = length(from, to).max(1);
    let x = from.0 + (to.0 - from.0) * at / length;
    let y = from.1 + (to.1 - from.1) * at / length;
    if from.1 == to.1 {
        let sticks_out = if length < w + 8 { 30 + (w - length).max(0) } else { 0 };
        let above = Rect { x: x - w / 2, y: y - OFF - h, w, h };
        let below = Rect { x: x - w / 2, y: y + OFF, w, h };
        let over = edge_penalty(at, length, w / 2);
        [(above, sticks_out + over), (below, sticks_out + over + 4)]
    } else {
        let sticks_out = if length < h + 4 { 30 } else { 0 };
        let right = Rect { x: x + OFF + 2, y: y - h / 2, w, h };
        let left = Rect { x: x - OFF - 2 - w, y: y - h / 2, w, h };
        let over = edge_penalty(at, length, h / 2);
        [(right, sticks_out + over + 12), (left, sticks_out + over + 14)]
    }
}

/// A label that reaches beyond its segment seems to belong to something else.
fn edge_penalty(at: i32, length: i32, half: i32) -> i32 {
    (half - at).max(0) + (half - (length - at)).max(0)
}
