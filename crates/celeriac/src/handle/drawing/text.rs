//! Drawings for Mermaid and Graphviz, which lay them out themselves.

use std::fmt::Write as _;

use celeriac_core::workflow::Status;

use super::{Drawing, Part, Shape, colours};

pub(super) fn mermaid(drawing: &Drawing) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart LR\n", one_line(&drawing.title));
    let mut edges = String::new();
    mermaid_part(&drawing.root, 1, &mut text, &mut edges);
    text.push_str(&edges);
    for status in Status::ALL {
        let [fill, stroke, ..] = colours(status);
        let _ = writeln!(text, "  classDef {status} fill:{fill},stroke:{stroke},color:#111827");
    }
    text
}

fn mermaid_part(part: &Part, depth: usize, text: &mut String, edges: &mut String) {
    let indent = "  ".repeat(depth);
    let Part { id, status, .. } = part;
    // Mermaid reads these entities inside of quotes.
    let label = one_line(&part.label).replace('#', "#35;").replace('"', "#quot;");
    match &part.shape {
        Shape::Box => {
            let _ = writeln!(text, "{indent}n{id}[\"{label}\"]:::{status}");
        }
        Shape::Row(parts) | Shape::Frame(parts) | Shape::Net(parts, _) if parts.is_empty() => {
            let _ = writeln!(text, "{indent}n{id}[\"{label} (empty)\"]:::{status}");
        }
        Shape::Row(parts) | Shape::Frame(parts) | Shape::Net(parts, _) => {
            let _ = writeln!(text, "{indent}subgraph n{id}[\"{label}\"]");
            for inner in parts {
                mermaid_part(inner, depth + 1, text, edges);
            }
            let _ = writeln!(text, "{indent}end\n{indent}class n{id} {status}");
            if let Shape::Row(parts) = &part.shape {
                for pair in parts.windows(2) {
                    let _ = writeln!(edges, "  n{} --> n{}", pair[0].id, pair[1].id);
                }
            }
            if let Shape::Net(parts, ways) = &part.shape {
                for (from, to) in ways {
                    let _ = writeln!(edges, "  n{} --> n{}", parts[*from].id, parts[*to].id);
                }
            }
        }
    }
    for callback in &part.callbacks {
        mermaid_part(callback, depth, text, edges);
        let _ = writeln!(edges, "  n{id} -.-> n{}", callback.id);
    }
}

pub(super) fn dot(drawing: &Drawing) -> String {
    let title = quoted(&drawing.title);
    let mut text = format!(
        "digraph workflow {{\n  label={title}; labelloc=t; rankdir=LR; compound=true;\n  \
         node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n"
    );
    let mut edges = String::new();
    dot_part(&drawing.root, 1, &mut text, &mut edges);
    text.push_str(&edges);
    text.push_str("}\n");
    text
}

fn dot_part(part: &Part, depth: usize, text: &mut String, edges: &mut String) {
    let indent = "  ".repeat(depth);
    let [fill, stroke, ..] = colours(part.status);
    let (id, label) = (part.id, quoted(&part.label));
    match &part.shape {
        Shape::Row(parts) | Shape::Frame(parts) | Shape::Net(parts, _) if !parts.is_empty() => {
            let _ = writeln!(
                text,
                "{indent}subgraph cluster_{id} {{\n{indent}  label={label}; color=\"{stroke}\";"
            );
            for inner in parts {
                dot_part(inner, depth + 1, text, edges);
            }
            let _ = writeln!(text, "{indent}}}");
            if let Shape::Row(parts) = &part.shape {
                for pair in parts.windows(2) {
                    dot_edge(&pair[0], &pair[1], "solid", edges);
                }
            }
            if let Shape::Net(parts, ways) = &part.shape {
                for (from, to) in ways {
                    dot_edge(&parts[*from], &parts[*to], "solid", edges);
                }
            }
        }
        _ => {
            let _ = writeln!(
                text,
                "{indent}n{id} [label={label}, fillcolor=\"{fill}\", color=\"{stroke}\"];"
            );
        }
    }
    for callback in &part.callbacks {
        dot_part(callback, depth, text, edges);
        dot_edge(part, callback, "dashed", edges);
    }
}

/// Edges of clusters run between boxes in them, and are cut at their borders.
fn dot_edge(from: &Part, to: &Part, style: &str, edges: &mut String) {
    let (tail, head) = (end_box(from, true), end_box(to, false));
    let mut more = format!("style={style}");
    if tail != from.id {
        let _ = write!(more, ", ltail=cluster_{}", from.id);
    }
    if head != to.id {
        let _ = write!(more, ", lhead=cluster_{}", to.id);
    }
    let _ = writeln!(edges, "  n{tail} -> n{head} [{more}];");
}

/// The box in a part that an edge can end at.
fn end_box(part: &Part, last: bool) -> usize {
    let inner = match &part.shape {
        Shape::Box => None,
        Shape::Row(parts) if last => parts.last(),
        Shape::Row(parts) => parts.first(),
        Shape::Frame(parts) | Shape::Net(parts, _) => parts.get(parts.len() / 2),
    };
    inner.map_or(part.id, |inner| end_box(inner, last))
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace('\\', "\\\\").replace('"', "\\\""))
}
