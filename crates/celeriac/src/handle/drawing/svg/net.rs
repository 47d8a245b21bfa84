//! Parts that need each other, in columns: each one right of all that it needs.
//! A way that leads past a column has a place of its own there.

use std::fmt::Write as _;

use super::{BOX_HEIGHT, GAP, STACK, Size, draw as draw_part, outer, own};
use crate::handle::drawing::Part;

/// Where ways begin and end, below the upper edge of a part.
const ANCHOR: f64 = BOX_HEIGHT / 2.0;

/// Where everything is, from the upper left.
pub(super) struct Layout {
    pub(super) size: Size,
    places: Vec<(f64, f64)>,
    /// The points of each way: where it leaves a column and where it comes to
    /// the next one, by turns.
    ways: Vec<Vec<(f64, f64)>>,
}

/// What has a place in a column.
#[derive(Clone, Copy)]
enum Stop {
    Part(usize),
    /// A way that leads past it.
    Way(usize),
}

impl Layout {
    pub(super) fn of(sizes: &[Size], ways: &[(usize, usize)]) -> Self {
        let columns = columns(sizes.len(), ways);
        let mut layout = Self {
            size: Size { width: 0.0, height: 0.0 },
            places: vec![(0.0, 0.0); sizes.len()],
            ways: vec![Vec::new(); ways.len()],
        };
        for column in 0..=columns.iter().copied().max().unwrap_or(0) {
            let parts = (0..sizes.len()).filter(|part| columns[*part] == column);
            let passing = (0..ways.len()).filter(|way| {
                let (from, to) = ways[*way];
                columns[from] < column && column < columns[to]
            });
            let stops = parts.map(Stop::Part).chain(passing.map(Stop::Way)).collect();
            layout.place(stops, sizes, ways);
        }
        layout.size.width -= GAP;
        layout
    }

    /// Places a column right of all others, each stop as near as can be to where
    /// its ways come from, so that few of them cross.
    fn place(&mut self, stops: Vec<Stop>, sizes: &[Size], ways: &[(usize, usize)]) {
        let left = self.size.width;
        let width = |stop: &Stop| match stop {
            Stop::Part(part) => sizes[*part].width,
            Stop::Way(_) => 0.0,
        };
        let right = left + stops.iter().map(width).fold(0.0, f64::max);
        let mut stops = Vec::from_iter(stops.into_iter().map(|stop| (self.wish(stop, ways), stop)));
        stops.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let mut below = 0.0_f64;
        for (wish, stop) in stops {
            match stop {
                Stop::Way(way) => {
                    let y = below.max(wish);
                    self.ways[way].extend([(left, y), (right, y)]);
                    below = y + STACK;
                }
                Stop::Part(part) => {
                    let top = below.max(wish - ANCHOR);
                    self.places[part] = (left, top);
                    for (points, (from, to)) in self.ways.iter_mut().zip(ways) {
                        if *to == part {
                            points.push((left, top + ANCHOR));
                        }
                        if *from == part {
                            points.push((right, top + ANCHOR));
                        }
                    }
                    below = top + sizes[part].height + STACK;
                }
            }
        }
        self.size.height = self.size.height.max(below - STACK);
        self.size.width = right + GAP;
    }

    /// Where a stop would be best: in the middle of where its ways come from.
    fn wish(&self, stop: Stop, ways: &[(usize, usize)]) -> f64 {
        let leads_here = |way: usize| match stop {
            Stop::Part(part) => ways[way].1 == part,
            Stop::Way(passing) => way == passing,
        };
        let coming = (0..ways.len()).filter(|way| leads_here(*way));
        let coming = Vec::from_iter(coming.filter_map(|way| self.ways[way].last()));
        match coming.len() {
            0 => 0.0,
            count => coming.iter().map(|(_, y)| y).sum::<f64>() / count as f64,
        }
    }
}

/// The longest way to each part.
fn columns(parts: usize, ways: &[(usize, usize)]) -> Vec<usize> {
    let mut columns = vec![0; parts];
    // No way is longer than there are parts.
    for _ in 0..parts {
        let mut changed = false;
        for (from, to) in ways {
            if columns[*to] <= columns[*from] {
                columns[*to] = columns[*from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    columns
}

pub(super) fn draw(parts: &[Part], ways: &[(usize, usize)], x: f64, y: f64, svg: &mut String) {
    let layout = Layout::of(&parts.iter().map(outer).collect::<Vec<_>>(), ways);
    for ((from, _), points) in ways.iter().zip(&layout.ways) {
        let begin = x + layout.places[*from].0 + own(&parts[*from]).width;
        let mut path = String::new();
        for (at, (right, below)) in points.iter().enumerate() {
            let (right, below) = (x + right, y + below);
            let _ = match at {
                0 => write!(path, "M{begin:.1} {below:.1}H{right:.1}"),
                _ if at % 2 == 0 => write!(path, "H{right:.1}"),
                _ => {
                    // From the end of the column before: half of the gap each.
                    let before = y + points[at - 1].1;
                    let middle = right - GAP / 2.0;
                    write!(
                        path,
                        "C{middle:.1} {before:.1} {middle:.1} {below:.1} {right:.1} {below:.1}"
                    )
                }
            };
        }
        let _ = writeln!(svg, "<path class=\"edge\" d=\"{path}\" marker-end=\"url(#arrow)\"/>");
    }
    for (part, (left, top)) in parts.iter().zip(&layout.places) {
        draw_part(part, x + left, y + top, svg);
    }
}
