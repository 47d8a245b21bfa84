//! Graphviz: frames are clusters.

use std::fmt::Write;

use super::scene::{Edge, Node, Scene, Shape};

/// The text of a drawing for `dot`.
pub(super) fn write(scene: &Scene) -> String {
    let mut out = String::new();
    let direction = match scene.kind {
        super::scene::Kind::Chart => "TB",
        super::scene::Kind::Tree => "LR",
    };
    line(&mut out, 0, "digraph {");
    line(
        &mut out,
        1,
        &format!(
            "graph [rankdir={direction} compound=true newrank=true fontname=\"Helvetica\" bgcolor=transparent]"
        ),
    );
    line(
        &mut out,
        1,
        "node [fontname=\"Helvetica\" fontsize=12 style=\"filled,rounded\" shape=box]",
    );
    line(
        &mut out,
        1,
        "edge [fontname=\"Helvetica\" fontsize=10 color=\"#6b7280\" fontcolor=\"#374151\"]",
    );
    if !scene.has(Shape::Frame) {
        line(&mut out, 1, &format!("label={} labelloc=t", quoted(&scene.title)));
    }
    for node in scene.inside(None) {
        write_node(&mut out, scene, node, 1);
    }
    for edge in &scene.edges {
        write_edge(&mut out, scene, edge);
    }
    line(&mut out, 0, "}");
    out
}

/// What stands for "from anywhere in here" where a frame can't point inwards.
pub(super) fn any_of(scene: &Scene, frame: usize) -> String {
    match scene.nodes[frame].parent {
        None => "any state".to_owned(),
        Some(_) => format!("any of {}", scene.nodes[frame].name),
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{:depth$}{text}", "", depth = 2 * depth);
}

fn write_node(out: &mut String, scene: &Scene, index: usize, depth: usize) {
    let node = &scene.nodes[index];
    let inner = scene.inside(Some(index));
    if inner.is_empty() {
        line(out, depth, &format!("n{index} [{}]", looks(node)));
        return;
    }
    let colours = node.tone.light();
    let (style, width) = match node.shape {
        Shape::Region => ("dashed,rounded", 1.0),
        _ => ("filled,rounded", if node.current { 2.5 } else { 1.0 }),
    };
    line(out, depth, &format!("subgraph cluster_n{index} {{"));
    let fill = if node.current { colours.fill } else { "#f8f9fb" };
    let style = format!(
        "label={} tooltip={} style=\"{style}\" color=\"{}\" fillcolor=\"{fill}\" penwidth={width:.1} fontcolor=\"{}\"",
        quoted(&node.name),
        quoted(&node.tooltip),
        colours.line,
        colours.text
    );
    line(out, depth + 1, &style);
    if scene.edges.iter().any(|edge| edge.from == index && scene.goes_inward(edge)) {
        let label = quoted(&any_of(scene, index));
        line(out, depth + 1, &format!("any{index} [label={label} style=dashed]"));
    }
    for inner in inner {
        write_node(out, scene, inner, depth + 1);
    }
    line(out, depth, "}");
}

fn looks(node: &Node) -> String {
    let colours = node.tone.light();
    if node.shape == Shape::Dot {
        let colour = colours.line;
        let tooltip = quoted(&node.tooltip);
        return format!(
            "shape=circle label=\"\" width=0.13 color=\"{colour}\" fillcolor=\"{colour}\" tooltip={tooltip}"
        );
    }
    let lines: Vec<&str> =
        std::iter::once(node.name.as_str()).chain(node.detail.iter().map(String::as_str)).collect();
    let fill = if node.current { colours.line } else { colours.fill };
    let text = if node.current { "#ffffff" } else { colours.text };
    let width = if node.current { 3.0 } else { 1.0 };
    format!(
        "label={} tooltip={} color=\"{}\" fillcolor=\"{fill}\" fontcolor=\"{text}\" penwidth={width:.1}",
        quoted(&lines.join("\n")),
        quoted(&node.tooltip),
        colours.line
    )
}

fn write_edge(out: &mut String, scene: &Scene, edge: &Edge) {
    let mut options = Vec::new();
    if !edge.labels.is_empty() {
        options.push(format!("label={}", quoted(&edge.labels.join("\n"))));
    }
    if edge.dashed {
        options.push("style=dashed constraint=false".to_owned());
    }
    let (tail, inward) = (anchor(scene, edge.from), scene.goes_inward(edge));
    let tail = if inward { format!("any{}", edge.from) } else { format!("n{tail}") };
    if !inward && anchor(scene, edge.from) != edge.from {
        options.push(format!("ltail=cluster_n{}", edge.from));
    }
    let outward = scene.is_inside(edge.from, edge.to);
    let head = if outward { entrance(scene, edge.to) } else { anchor(scene, edge.to) };
    if head != edge.to && !outward {
        options.push(format!("lhead=cluster_n{}", edge.to));
    }
    let options =
        if options.is_empty() { String::new() } else { format!(" [{}]", options.join(" ")) };
    line(out, 1, &format!("{tail} -> n{head}{options}"));
}

/// Clusters can't be ends of edges: the first node in it is, and the edge is cut
/// at the border.
fn anchor(scene: &Scene, node: usize) -> usize {
    match scene.inside(Some(node)).first() {
        Some(&inner) => anchor(scene, inner),
        None => node,
    }
}

/// The dot in a frame, for edges that enter it again from the inside: they can't
/// be cut at its border.
fn entrance(scene: &Scene, frame: usize) -> usize {
    let dot = |&inner: &usize| scene.nodes[inner].shape == Shape::Dot;
    scene.inside(Some(frame)).into_iter().find(dot).unwrap_or_else(|| anchor(scene, frame))
}

/// A quoted string. Graphviz knows escapes in labels, so backslashes count.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Entities are replaced in labels; a lone `&` would be taken for one.
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_can_not_leave_their_quotes() {
        assert_eq!(quoted("a\"]; b -> c [\\\n"), "\"a\\\"]; b -&gt; c [\\\\\\n\"");
        assert_eq!(quoted("<b>&amp;\u{7}é"), "\"&lt;b&gt;&amp;amp; é\"");
    }
}
