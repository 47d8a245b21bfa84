//! Fewer arrows that say the same: from a list of transitions between single
//! states to edges between boxes. Works on the tree of one chart.

use std::collections::BTreeSet;

use crate::chart::Arrow;

use super::scene::{Edge, Scene, Shape};

/// Where the states of a chart went in the scene.
pub(super) struct Places<'a> {
    /// The scene's node for each state.
    pub(super) nodes: &'a [usize],
    /// The dot that stands for the state itself, if it has sub-states: what
    /// leaves the dot leaves only that state, not the ones inside it.
    pub(super) dots: &'a [Option<usize>],
    /// The frame around the whole chart.
    pub(super) frame: usize,
}

/// The edges for `arrows`, in the order of their first appearance.
///
/// An arrow from everything inside a frame leaves the frame; several triggers
/// between the same two boxes share an edge.
pub(super) fn edges(scene: &Scene, places: &Places<'_>, arrows: &[Arrow]) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    let mut done = BTreeSet::new();
    for arrow in arrows {
        if !done.insert((arrow.trigger, arrow.to)) {
            continue;
        }
        let alike = arrows.iter().filter(|a| a.trigger == arrow.trigger && a.to == arrow.to);
        let sources: BTreeSet<usize> =
            alike.flat_map(|a| resting_places(scene, places, a.from)).collect();
        let to = places.nodes[arrow.to];
        for from in cover(scene, places.frame, &sources, to) {
            add(&mut edges, from, to, arrow.trigger);
        }
    }
    edges
}

fn add(edges: &mut Vec<Edge>, from: usize, to: usize, trigger: &str) {
    let label = Some(trigger.to_owned()).filter(|trigger| !trigger.is_empty());
    match edges.iter_mut().find(|edge| edge.from == from && edge.to == to) {
        Some(edge) => edge.labels.extend(label),
        None => {
            let labels = label.into_iter().collect();
            edges.push(Edge { from, to, labels, dashed: false });
        }
    }
}

/// The boxes (or dots) in which the source of an arrow can be found.
fn resting_places(scene: &Scene, places: &Places<'_>, state: usize) -> Vec<usize> {
    match places.dots[state] {
        Some(dot) => vec![dot],
        None => rests(scene, places.nodes[state]),
    }
}

/// Every box or dot inside `node` (or itself) in which an actor can rest.
fn rests(scene: &Scene, node: usize) -> Vec<usize> {
    let inner = scene.inside(Some(node));
    if inner.is_empty() {
        return vec![node];
    }
    let counts = |&inner: &usize| !is_mere_mark(scene, inner);
    inner.into_iter().filter(counts).flat_map(|inner| rests(scene, inner)).collect()
}

/// A dot whose arrow has no name is no place to rest, and a region has its own arrows.
fn is_mere_mark(scene: &Scene, node: usize) -> bool {
    let mark = &scene.nodes[node];
    mark.shape == Shape::Region || (mark.shape == Shape::Dot && mark.name.is_empty())
}

/// The largest frames that hold nothing but sources, and the sources that are
/// in none. For the outermost frame the target itself does not count.
fn cover(scene: &Scene, frame: usize, sources: &BTreeSet<usize>, target: usize) -> Vec<usize> {
    let all = rests(scene, frame);
    let but_target = |rest: &&usize| **rest != target && !scene.is_inside(**rest, target);
    let others = all.iter().filter(but_target).count();
    let covered = all.iter().filter(but_target).all(|rest| sources.contains(rest));
    if covered && others > 2 {
        return vec![frame];
    }
    let mut found = Vec::new();
    collect(scene, frame, sources, &mut found);
    found
}

fn collect(scene: &Scene, frame: usize, sources: &BTreeSet<usize>, found: &mut Vec<usize>) {
    for inner in scene.inside(Some(frame)) {
        if is_mere_mark(scene, inner) {
            continue;
        }
        let all = rests(scene, inner);
        if all.iter().all(|rest| sources.contains(rest)) {
            found.push(inner);
        } else {
            collect(scene, inner, sources, found);
        }
    }
}
