//! Parts that need each other, in columns: each one right of all that it needs.

use std::fmt::Write as _;

use super::{BOX_HEIGHT, GAP, STACK, Size, draw as draw_part, outer, own};
use crate::handle::drawing::Part;

/// Where each part is, from the upper left.
pub(super) struct Layout {
    pub(super) size: Size,
    places: Vec<(f64, f64)>,
}

impl Layout {
    pub(super) fn of(sizes: &[Size], ways: &[(usize, usize)]) -> Self {
        let columns = columns(sizes.len(), ways);
        let mut places = vec![(0.0, 0.0); sizes.len()];
        let (mut left, mut height) = (0.0, 0.0_f64);
        for column in 0..=columns.iter().copied().max().unwrap_or(0) {
            let (mut below, mut width) = (0.0, 0.0_f64);
            for part in (0..sizes.len()).filter(|part| columns[*part] == column) {
                places[part] = (left, below);
                below += sizes[part].height + STACK;
                width = width.max(sizes[part].width);
            }
            height = height.max(below - STACK);
            left += width + GAP;
        }
        Self { size: Size { width: left - GAP, height }, places }
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
    let middle =
        |part: usize| y + layout.places[part].1 + own(&parts[part]).height.min(BOX_HEIGHT) / 2.0;
    for (from, to) in ways {
        let begin = x + layout.places[*from].0 + own(&parts[*from]).width;
        let (end, half) = (x + layout.places[*to].0, GAP / 2.0);
        let (from, to) = (middle(*from), middle(*to));
        let _ = writeln!(
            svg,
            "<path class=\"edge\" d=\"M{begin:.1} {from:.1}C{:.1} {from:.1} {:.1} {to:.1} \
             {end:.1} {to:.1}\" marker-end=\"url(#arrow)\"/>",
            begin + half,
            end - half
        );
    }
    for (part, (left, top)) in parts.iter().zip(&layout.places) {
        draw_part(part, x + left, y + top, svg);
    }
}
