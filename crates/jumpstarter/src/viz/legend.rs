//! The line under a drawing that tells what its looks mean.

use std::fmt::Write;

use super::measure::{SMALL, text_width};
use super::scene::{Kind, Scene, Shape};
use super::tone::Tone;

/// Pixels for the legend.
pub(super) const HEIGHT: i32 = 30;
const MARGIN: i32 = 24;
const GAP: i32 = 22;
const SAMPLE: i32 = 26;

/// What a sample shows.
enum Sample {
    Tone(Tone),
    Dot,
    Line { dashed: bool },
    Region,
}

/// One entry: its sample, its words, and where it begins.
pub(super) struct Entry {
    sample: Sample,
    words: &'static str,
    x: i32,
}

/// The entries that a drawing needs, and the width that they take.
pub(super) fn entries(scene: &Scene) -> (Vec<Entry>, i32) {
    let mut wanted: Vec<(Sample, &'static str)> =
        scene.tones().into_iter().map(|tone| (Sample::Tone(tone), tone.meaning())).collect();
    if scene.has(Shape::Dot) {
        wanted.push((Sample::Dot, "entered first"));
    }
    if scene.has(Shape::Region) {
        wanted.push((Sample::Region, "runs in parallel"));
    }
    if scene.kind == Kind::Tree && scene.edges.iter().any(|edge| !edge.dashed) {
        wanted.push((Sample::Line { dashed: false }, "child"));
    }
    if scene.has_dashed() {
        wanted.push((Sample::Line { dashed: true }, "depends on"));
    }
    let mut x = MARGIN;
    let mut entries = Vec::new();
    for (sample, words) in wanted {
        entries.push(Entry { sample, words, x });
        x += SAMPLE + text_width(words, SMALL) + GAP;
    }
    (entries, x)
}

/// The entries in a line that begins at that height.
pub(super) fn written(entries: &[Entry], y: i32) -> String {
    let mut out = String::from("<g class=\"legend\">\n");
    let middle = y + HEIGHT / 2 - 4;
    for entry in entries {
        let x = entry.x;
        let sample = match &entry.sample {
            Sample::Tone(tone) => format!(
                "<g class=\"box {}\"><rect x=\"{x}\" y=\"{}\" width=\"18\" height=\"12\" rx=\"3\"/></g>",
                tone.name(),
                middle - 6
            ),
            Sample::Dot => {
                format!("<circle class=\"dot\" cx=\"{}\" cy=\"{middle}\" r=\"6\"/>", x + 9)
            }
            Sample::Line { dashed } => {
                let dashed = if *dashed { " dashed" } else { "" };
                format!("<path class=\"edge{dashed}\" d=\"M{x} {middle}h20\"/>")
            }
            Sample::Region => format!(
                "<g class=\"frame region plain\"><rect x=\"{x}\" y=\"{}\" width=\"18\" height=\"12\" rx=\"3\"/></g>",
                middle - 6
            ),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{sample}<text class=\"label\" x=\"{}\" y=\"{}\">{}</text>",
            x + SAMPLE,
            middle + 4,
            entry.words
        );
    }
    out.push_str("</g>");
    out
}
