//! SVG: the laid out page with its colours, for light and dark.

use std::fmt::Write;

use super::dot::any_of;
use super::layout::{Layout, lay_out};
use super::measure::{CELL, LINE, NORMAL, Rect, SMALL};
use super::scene::{Kind, Node, Scene, Shape};
use super::{legend, style};

/// Pixels by which the corners of edges are rounded.
const ROUND: i32 = 6;

/// The text of a drawing as an SVG document.
pub(super) fn write(scene: &Scene) -> String {
    let scene = &explained(scene);
    let layout = lay_out(scene);
    let (entries, legend_width) = legend::entries(scene);
    let width = (layout.size.0 * CELL).max(legend_width);
    let height = layout.size.1 * CELL + legend::HEIGHT;
    let mut out = String::new();
    let title = escaped(&scene.title);
    put(
        &mut out,
        &format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"jumpstarter\" role=\"img\" aria-label=\"{title}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
        ),
    );
    put(&mut out, &format!("<title>{title}</title>"));
    put(&mut out, &style::sheet());
    put(
        &mut out,
        &format!("<rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>"),
    );
    if scene.kind == Kind::Tree {
        put(
            &mut out,
            &format!("<text class=\"heading\" x=\"24\" y=\"32\">{}</text>", one_line(&scene.title)),
        );
    }
    for (index, node) in scene.nodes.iter().enumerate() {
        if matches!(node.shape, Shape::Frame | Shape::Region) {
            write_frame(&mut out, node, layout.boxes[index].to_pixels());
        }
    }
    for edge in 0..scene.edges.len() {
        write_edge(&mut out, scene, &layout, edge);
    }
    for (index, node) in scene.nodes.iter().enumerate() {
        let rect = layout.boxes[index].to_pixels();
        match node.shape {
            Shape::Frame | Shape::Region => {}
            Shape::Dot => write_dot(&mut out, node, rect),
            Shape::State => write_state(&mut out, node, rect),
            Shape::Card => write_card(&mut out, node, rect),
        }
    }
    for (edge, rect) in scene.edges.iter().zip(&layout.labels) {
        if let Some(rect) = rect {
            write_label(&mut out, &edge.labels, *rect);
        }
    }
    put(&mut out, &legend::written(&entries, layout.size.1 * CELL));
    put(&mut out, "</svg>");
    out
}

/// The scene, with words at the edges that leave a frame for something in it.
fn explained(scene: &Scene) -> Scene {
    let mut explained = scene.clone();
    for edge in explained.edges.iter_mut().filter(|edge| scene.goes_inward(edge)) {
        edge.labels.push(format!("from {}", any_of(scene, edge.from)));
    }
    explained
}

fn put(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

fn class(node: &Node) -> String {
    let current = if node.current { " current" } else { "" };
    format!("{}{current}", node.tone.name())
}

fn write_frame(out: &mut String, node: &Node, Rect { x, y, w, h }: Rect) {
    let shape = if node.shape == Shape::Region { "frame region" } else { "frame" };
    let class = class(node);
    put(out, &format!("<g class=\"{shape} {class}\"><title>{}</title>", escaped(&node.tooltip)));
    put(out, &format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"10\"/>"));
    let (x, y) = (x + 12, y + 19);
    put(
        out,
        &format!("<text class=\"name\" x=\"{x}\" y=\"{y}\">{}</text></g>", one_line(&node.name)),
    );
}

fn write_dot(out: &mut String, node: &Node, rect: Rect) {
    let (x, y) = (rect.x + rect.w / 2, rect.y + rect.h / 2);
    let current = if node.current { " current" } else { "" };
    put(out, &format!("<circle class=\"dot{current}\" cx=\"{x}\" cy=\"{y}\" r=\"7\"/>"));
}

fn write_state(out: &mut String, node: &Node, rect: Rect) {
    let Rect { x, y, w, h } = rect;
    let (tooltip, name) = (escaped(&node.tooltip), one_line(&node.name));
    put(out, &format!("<g class=\"box {}\"><title>{tooltip}</title>", class(node)));
    put(out, &format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"8\"/>"));
    let (x, y) = (x + w / 2, y + h / 2 + 5);
    put(
        out,
        &format!(
            "<text class=\"name\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{name}</text></g>"
        ),
    );
}

fn write_card(out: &mut String, node: &Node, rect: Rect) {
    let Rect { x, y, w, h } = rect;
    put(
        out,
        &format!("<g class=\"box {}\"><title>{}</title>", class(node), escaped(&node.tooltip)),
    );
    put(out, &format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"8\"/>"));
    put(
        out,
        &format!(
            "<rect class=\"mark\" x=\"{x}\" y=\"{}\" width=\"5\" height=\"{}\"/>",
            y + 8,
            h - 16
        ),
    );
    let x = x + 16;
    put(
        out,
        &format!("<text class=\"name\" x=\"{x}\" y=\"{}\">{}</text>", y + 20, one_line(&node.name)),
    );
    for (line, text) in (0_i32..).zip(&node.detail) {
        let y = y + 37 + 16 * line;
        put(out, &format!("<text class=\"detail\" x=\"{x}\" y=\"{y}\">{}</text>", one_line(text)));
    }
    put(out, "</g>");
}

fn write_label(out: &mut String, labels: &[String], rect: Rect) {
    let x = rect.x + rect.w / 2;
    for (line, label) in (0_i32..).zip(labels) {
        let y = rect.y + LINE * line + 11;
        put(
            out,
            &format!(
                "<text class=\"label\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
                one_line(label)
            ),
        );
    }
}

fn write_edge(out: &mut String, scene: &Scene, layout: &Layout, index: usize) {
    let path = &layout.paths[index];
    let points: Vec<(i32, i32)> = path.points.iter().map(|(x, y)| (x * CELL, y * CELL)).collect();
    let [.., before, end] = points[..] else { return };
    let edge = &scene.edges[index];
    let dashed = if edge.dashed { " dashed" } else { "" };
    put(out, &format!("<path class=\"edge{dashed}\" d=\"{}\"/>", rounded(&points)));
    if path.joined {
        put(out, &format!("<circle class=\"joint\" cx=\"{}\" cy=\"{}\" r=\"2.5\"/>", end.0, end.1));
    } else {
        put(out, &format!("<path class=\"head\" d=\"{}\"/>", arrowhead(before, end)));
    }
}

/// The way with its corners rounded.
fn rounded(points: &[(i32, i32)]) -> String {
    let mut d = String::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = match (index.checked_sub(1).and_then(|i| points.get(i)), points.get(index + 1)) {
            (None, _) => write!(d, "M{x} {y}"),
            (_, None) => write!(d, "L{x} {y}"),
            (Some(&before), Some(&after)) => {
                let (a, b) = (towards((x, y), before), towards((x, y), after));
                write!(d, "L{} {}Q{x} {y} {} {}", a.0, a.1, b.0, b.1)
            }
        };
    }
    d
}

/// The point a bit from `from` on the way to `to`, at most half of it.
fn towards(from: (i32, i32), to: (i32, i32)) -> (i32, i32) {
    let near = |from: i32, to: i32| from + ((to - from) / 2).clamp(-ROUND, ROUND);
    (near(from.0, to.0), near(from.1, to.1))
}

/// A triangle whose tip is at `end`.
fn arrowhead(before: (i32, i32), end: (i32, i32)) -> String {
    let (dx, dy) = (f64::from(end.0 - before.0), f64::from(end.1 - before.1));
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    let (x, y) = (f64::from(end.0), f64::from(end.1));
    let (back_x, back_y) = (x - 8.0 * ux, y - 8.0 * uy);
    format!(
        "M{x:.1} {y:.1}L{:.1} {:.1}L{:.1} {:.1}Z",
        back_x - 4.0 * uy,
        back_y + 4.0 * ux,
        back_x + 4.0 * uy,
        back_y - 4.0 * ux
    )
}

/// Text that is seen: one line.
fn one_line(text: &str) -> String {
    escaped(&text.replace(['\n', '\r'], " "))
}

/// Text for element content and attribute values. Letters that XML can't hold
/// become blanks.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                out.push(' ');
            }
            letter => out.push(letter),
        }
    }
    out
}

/// The font sizes of names and of the smaller texts.
pub(super) const SIZES: (f64, f64) = (NORMAL, SMALL);

#[cfg(test)]
mod tests {
    use super::{escaped, rounded};

    #[test]
    fn names_can_not_become_markup() {
        assert_eq!(escaped("<a b=\"&\">\n\u{0}é"), "&lt;a b=&quot;&amp;&quot;&gt;&#10; é");
    }

    #[test]
    fn corners_are_rounded_by_no_more_than_half_a_segment() {
        assert_eq!(rounded(&[(0, 0), (10, 0), (10, 40)]), "M0 0L5 0Q10 0 10 6L10 40");
    }
}
