//! Mermaid: `stateDiagram-v2` for charts, `flowchart` for trees.

use std::fmt::Write;

use super::dot::any_of;
use super::scene::{Edge, Kind, Node, Scene, Shape};

/// The text of a drawing for Mermaid.
pub(super) fn write(scene: &Scene) -> String {
    let mut out = String::new();
    match scene.kind {
        Kind::Chart => write_chart(&mut out, scene),
        Kind::Tree => write_tree(&mut out, scene),
    }
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{:depth$}{text}", "", depth = 4 * depth);
}

fn write_chart(out: &mut String, scene: &Scene) {
    line(out, 0, "stateDiagram-v2");
    classes(out, scene);
    for node in scene.inside(None) {
        write_state(out, scene, node, 1);
    }
    for edge in scene.edges.iter().filter(|edge| home(scene, edge).is_none()) {
        line(out, 1, &transition(scene, edge));
    }
    for (index, node) in
        scene.nodes.iter().enumerate().filter(|(_, node)| node.shape == Shape::State)
    {
        line(out, 1, &format!("class s{index} {}", class(node)));
    }
}

/// A state, and everything inside of it.
fn write_state(out: &mut String, scene: &Scene, index: usize, depth: usize) {
    let node = &scene.nodes[index];
    let named = format!("state \"{}\" as s{index}", escaped(&node.name));
    match node.shape {
        Shape::Dot => {}
        // Mermaid fails over a frame with nothing in it.
        _ if scene.inside(Some(index)).is_empty() => line(out, depth, &named),
        _ => {
            line(out, depth, &format!("{named} {{"));
            write_inside(out, scene, index, depth + 1);
            line(out, depth, "}");
        }
    }
}

fn write_inside(out: &mut String, scene: &Scene, frame: usize, depth: usize) {
    let (regions, own): (Vec<usize>, Vec<usize>) = scene
        .inside(Some(frame))
        .into_iter()
        .partition(|&inner| scene.nodes[inner].shape == Shape::Region);
    let inward = |edge: &&Edge| edge.from == frame && scene.goes_inward(edge);
    if scene.edges.iter().any(|edge| inward(&edge)) {
        let label = escaped(&any_of(scene, frame));
        line(out, depth, &format!("state \"{label}\" as any{frame}"));
    }
    for inner in own {
        write_state(out, scene, inner, depth);
    }
    for edge in scene.edges.iter().filter(|edge| home(scene, edge) == Some(frame)) {
        line(out, depth, &transition(scene, edge));
    }
    for region in regions {
        line(out, depth, "--");
        write_state(out, scene, region, depth);
    }
}

/// The frame in which an edge is written; `None`: after all of them. Mermaid moves
/// the ends of an edge into the frame in which it is written, unless that is the
/// diagram itself.
fn home(scene: &Scene, edge: &Edge) -> Option<usize> {
    let (from, to) = (scene.nodes[edge.from].parent, scene.nodes[edge.to].parent);
    if scene.goes_inward(edge) {
        return to.filter(|&frame| frame == edge.from);
    }
    from.filter(|_| from == to)
}

fn transition(scene: &Scene, edge: &Edge) -> String {
    let source = &scene.nodes[edge.from];
    let from = match source.shape {
        Shape::Dot => "[*]".to_owned(),
        _ if scene.goes_inward(edge) => format!("any{}", edge.from),
        _ => format!("s{}", edge.from),
    };
    let labels: Vec<String> = edge.labels.iter().map(|label| escaped(label)).collect();
    let told = if labels.is_empty() { String::new() } else { format!(" : {}", labels.join(", ")) };
    format!("{from} --> s{}{told}", edge.to)
}

fn write_tree(out: &mut String, scene: &Scene) {
    line(out, 0, "flowchart LR");
    classes(out, scene);
    for (index, node) in scene.nodes.iter().enumerate() {
        let mut lines = vec![format!("<b>{}</b>", escaped(&node.name))];
        lines.extend(node.detail.iter().map(|text| escaped(text)));
        line(out, 1, &format!("a{index}[\"{}\"]:::{}", lines.join("<br/>"), class(node)));
    }
    for edge in &scene.edges {
        let arrow = if edge.dashed { "-.->" } else { "-->" };
        line(out, 1, &format!("a{} {arrow} a{}", edge.from, edge.to));
    }
}

fn class(node: &Node) -> String {
    let now = if node.current { "Now" } else { "" };
    format!("{}{now}", node.tone.name())
}

/// A class for every look in use.
fn classes(out: &mut String, scene: &Scene) {
    let mut looks: Vec<_> = scene
        .nodes
        .iter()
        .filter(|node| matches!(node.shape, Shape::State | Shape::Card))
        .map(|node| (node.tone, node.current))
        .collect();
    looks.sort();
    looks.dedup();
    for (tone, current) in looks {
        let colours = tone.light();
        let name = tone.name();
        let style = if current {
            let (fill, text) = (colours.line, "#ffffff");
            format!(
                "classDef {name}Now fill:{fill},stroke:{},color:{text},stroke-width:3px",
                colours.text
            )
        } else {
            format!(
                "classDef {name} fill:{},stroke:{},color:{}",
                colours.fill, colours.line, colours.text
            )
        };
        line(out, 1, &style);
    }
}

/// Text that Mermaid can't take for syntax: everything but plain letters is
/// written by its number.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            letter if letter.is_alphanumeric() => out.push(letter),
            ' ' | '_' | '.' | ',' | '/' | '(' | ')' | '·' => out.push(letter),
            '\n' => out.push(' '),
            letter if letter.is_control() => out.push(' '),
            letter => {
                // Writing to a string does not fail.
                let _ = write!(out, "#{};", u32::from(letter));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_can_not_become_syntax() {
        assert_eq!(escaped("a\"b <x> --> #1; é\n."), "a#34;b #60;x#62; #45;#45;#62; #35;1#59; é .");
    }
}
