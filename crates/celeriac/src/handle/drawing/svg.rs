//! Drawings as SVG: rows run from left to right, frames hold their members one
//! below the other. Sizes are known from the inside out, so one pass places all.

mod net;

use std::fmt::Write as _;

use celeriac_core::workflow::Status;

use super::{Drawing, Part, Shape, colours};

const CHARACTER: f64 = 7.3;
const BOX_HEIGHT: f64 = 30.0;
const GAP: f64 = 34.0;
const STACK: f64 = 10.0;
const PADDING: f64 = 12.0;
const TITLE: f64 = 20.0;
const MARGIN: f64 = 16.0;

#[derive(Clone, Copy)]
struct Size {
    width: f64,
    height: f64,
}

pub(super) fn write(drawing: &Drawing) -> String {
    let size = outer(&drawing.root);
    let width = size.width.max(drawing.title.chars().count() as f64 * CHARACTER) + 2.0 * MARGIN;
    let height = size.height + 2.0 * MARGIN + TITLE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{}</title>\n",
        escaped(&drawing.title)
    );
    svg.push_str(&style());
    svg.push_str(
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker>\
         </defs>\n",
    );
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{MARGIN:.1}\" y=\"{:.1}\">{}</text>",
        MARGIN + 4.0,
        escaped(&drawing.title)
    );
    draw(&drawing.root, MARGIN, MARGIN + TITLE, &mut svg);
    svg.push_str("</svg>\n");
    svg
}

fn style() -> String {
    let (mut light, mut dark) = (String::new(), String::new());
    for status in Status::ALL {
        let [fill, stroke, dark_fill, dark_stroke] = colours(status);
        let _ = writeln!(light, ".{status}{{fill:{fill};stroke:{stroke}}}");
        let _ = writeln!(dark, ".{status}{{fill:{dark_fill};stroke:{dark_stroke}}}");
    }
    format!(
        "<style>\ntext{{font:12px ui-monospace,monospace;fill:#111827}}\n\
         .title{{font-weight:bold}}\n.edge{{fill:none;stroke:#6b7280;stroke-width:1.4}}\n\
         .head{{fill:#6b7280}}\n.callback{{stroke-dasharray:4 3}}\n\
         .frame{{fill-opacity:.25;stroke-width:1.2}}\n{light}\
         @media (prefers-color-scheme:dark){{\ntext{{fill:#f3f4f6}}\n{dark}}}\n</style>\n"
    )
}

/// The size of a part with its callbacks below it.
fn outer(part: &Part) -> Size {
    let mut size = own(part);
    for callback in &part.callbacks {
        let below = outer(callback);
        size.height += STACK + below.height;
        size.width = size.width.max(below.width + 2.0 * PADDING);
    }
    size
}

fn own(part: &Part) -> Size {
    let label = part.label.chars().count() as f64 * CHARACTER + 2.0 * PADDING;
    match &part.shape {
        Shape::Row(parts) if !parts.is_empty() => {
            let sizes = parts.iter().map(outer);
            let gaps = GAP * (parts.len() - 1) as f64;
            sizes.fold(Size { width: gaps, height: 0.0 }, |all, one| Size {
                width: all.width + one.width,
                height: all.height.max(one.height),
            })
        }
        Shape::Frame(parts) if !parts.is_empty() => {
            let stacked = STACK * (parts.len() - 1) as f64;
            let begin = Size { width: label, height: stacked + TITLE + 2.0 * PADDING };
            parts.iter().map(outer).fold(begin, |all, one| Size {
                width: all.width.max(one.width + 2.0 * PADDING),
                height: all.height + one.height,
            })
        }
        Shape::Net(parts, ways) if !parts.is_empty() => {
            let net = net::Layout::of(&parts.iter().map(outer).collect::<Vec<_>>(), ways);
            Size {
                width: label.max(net.size.width + 2.0 * PADDING),
                height: net.size.height + TITLE + 2.0 * PADDING,
            }
        }
        _ => Size { width: label, height: BOX_HEIGHT },
    }
}

fn draw(part: &Part, x: f64, y: f64, svg: &mut String) {
    let size = own(part);
    match &part.shape {
        Shape::Row(parts) if !parts.is_empty() => row(parts, x, y, svg),
        Shape::Frame(parts) if !parts.is_empty() => {
            rectangle(part, "frame ", x, y, size, svg);
            text(&part.label, x + PADDING, y + 16.0, svg);
            let mut below = y + TITLE + PADDING;
            for inner in parts {
                draw(inner, x + PADDING, below, svg);
                below += outer(inner).height + STACK;
            }
        }
        Shape::Net(parts, ways) if !parts.is_empty() => {
            rectangle(part, "frame ", x, y, size, svg);
            text(&part.label, x + PADDING, y + 16.0, svg);
            net::draw(parts, ways, x + PADDING, y + TITLE + PADDING, svg);
        }
        _ => {
            rectangle(part, "", x, y, size, svg);
            text(&part.label, x + PADDING, y + BOX_HEIGHT / 2.0 + 4.0, svg);
        }
    }
    let mut below = y + size.height + STACK;
    for callback in &part.callbacks {
        let middle = below + own(callback).height / 2.0;
        let (left, from) = (x + PADDING, y + size.height);
        let end = left + PADDING;
        let _ = writeln!(
            svg,
            "<path class=\"edge callback\" d=\"M{left:.1} {from:.1}V{middle:.1}H{end:.1}\" \
             marker-end=\"url(#arrow)\"/>"
        );
        draw(callback, x + 2.0 * PADDING, below, svg);
        below += outer(callback).height + STACK;
    }
}

fn row(parts: &[Part], x: f64, y: f64, svg: &mut String) {
    let mut left = x;
    let mut before: Option<(f64, f64)> = None;
    for part in parts {
        let middle = y + own(part).height.min(BOX_HEIGHT) / 2.0;
        if let Some((from_x, from_y)) = before {
            let _ = writeln!(
                svg,
                "<path class=\"edge\" d=\"M{from_x:.1} {from_y:.1}L{left:.1} {middle:.1}\" \
                 marker-end=\"url(#arrow)\"/>"
            );
        }
        draw(part, left, y, svg);
        before = Some((left + own(part).width, middle));
        left += outer(part).width + GAP;
    }
}

fn rectangle(part: &Part, class: &str, x: f64, y: f64, size: Size, svg: &mut String) {
    let Size { width, height } = size;
    let status = part.status;
    let _ = writeln!(
        svg,
        "<rect class=\"{class}{status}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"6\"><title>{}: {status}</title></rect>",
        escaped(&part.label)
    );
}

fn text(label: &str, x: f64, y: f64, svg: &mut String) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(label));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
