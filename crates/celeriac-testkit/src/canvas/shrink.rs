//! Smaller canvases: what a failure is tried again with.

use celeriac_core::workflow::{Canvas, Items, Shape, Stage};

use super::size::parts;

/// Canvases that are a little smaller than this one: one of its parts alone, a
/// part or a callback less, or the same with one part made smaller.
#[must_use]
pub fn smaller(canvas: &Canvas) -> Vec<Canvas> {
    let mut found = Vec::from_iter(parts(&canvas.shape).cloned());
    for at in 0..canvas.link.len() {
        let mut less = canvas.clone();
        less.link.remove(at);
        found.push(less);
    }
    for at in 0..canvas.on_error.len() {
        let mut less = canvas.clone();
        less.on_error.remove(at);
        found.push(less);
    }
    let reshaped = shapes(&canvas.shape).into_iter();
    found.extend(reshaped.map(|shape| Canvas { shape, ..canvas.clone() }));
    found
}

fn shapes(shape: &Shape) -> Vec<Shape> {
    match shape {
        Shape::Task(signature) => match signature.options.is_some() && !is_late(signature) {
            true => {
                let mut plain = signature.clone();
                plain.options = None;
                vec![Shape::Task(plain)]
            }
            false => Vec::new(),
        },
        Shape::Chain(steps) => lists(steps).into_iter().map(Shape::Chain).collect(),
        Shape::Group { members, policy } => {
            let group = |members| Shape::Group { members, policy: *policy };
            lists(members).into_iter().map(group).collect()
        }
        Shape::Chord { members, policy, body } => {
            let (policy, same) = (*policy, members.clone());
            let less = lists(members).into_iter();
            let less = less.map(|members| Shape::Chord { members, policy, body: body.clone() });
            let bodies = smaller(body).into_iter();
            let bodies = bodies.map(|body| Shape::Chord {
                members: same.clone(),
                policy,
                body: Box::new(body),
            });
            less.chain(bodies).collect()
        }
        Shape::Fork { branches, policy } => {
            let fork = |branches| Shape::Fork { branches, policy: *policy };
            named(branches).into_iter().map(fork).collect()
        }
        Shape::Dag { stages, policy } => {
            let dag = |stages| Shape::Dag { stages, policy: *policy };
            stages_of(stages).into_iter().map(dag).collect()
        }
        Shape::Switch { cases, otherwise } => {
            let less = named(cases).into_iter();
            let switch = |cases| Shape::Switch { cases, otherwise: otherwise.clone() };
            let mut found = Vec::from_iter(less.map(switch));
            if let Some(inner) = otherwise {
                let otherwise = smaller(inner).into_iter().map(|one| Some(Box::new(one)));
                found.extend(
                    otherwise
                        .chain([None])
                        .map(|otherwise| Shape::Switch { cases: cases.clone(), otherwise }),
                );
            }
            found
        }
        Shape::Loop { body, until, max } => {
            let shape = |body, max| Shape::Loop { body, until: until.clone(), max };
            let once = (*max > 1).then(|| shape(body.clone(), 1));
            let bodies = smaller(body).into_iter().map(|body| shape(Box::new(body), *max));
            once.into_iter().chain(bodies).collect()
        }
        Shape::Map { items: Items::Given(items), .. }
        | Shape::Sweep { items: Items::Given(items), .. }
        | Shape::Chunks { items: Items::Given(items), .. }
            if !items.is_empty() =>
        {
            vec![with_items(shape.clone(), items[1..].to_vec())]
        }
        Shape::Map { .. } | Shape::Sweep { .. } | Shape::Chunks { .. } => Vec::new(),
    }
}

fn is_late(signature: &celeriac_core::workflow::Signature) -> bool {
    signature.task.as_str() == "late"
}

fn with_items(mut shape: Shape, less: Vec<celeriac_core::HeaderValue>) -> Shape {
    if let Shape::Map { items, .. } | Shape::Sweep { items, .. } | Shape::Chunks { items, .. } =
        &mut shape
    {
        *items = Items::Given(less);
    }
    shape
}

/// The list with one member less, or one made smaller.
fn lists(members: &[Canvas]) -> Vec<Vec<Canvas>> {
    let unnamed = Vec::from_iter(members.iter().map(|member| ((), member.clone())));
    let lists = named(&unnamed).into_iter();
    lists.map(|list| list.into_iter().map(|((), member)| member).collect()).collect()
}

fn named<N: Clone>(members: &[(N, Canvas)]) -> Vec<Vec<(N, Canvas)>> {
    let mut found = Vec::new();
    for at in 0..members.len() {
        let mut less = members.to_vec();
        less.remove(at);
        found.push(less);
    }
    for at in 0..members.len() {
        for part in smaller(&members[at].1) {
            let mut changed = members.to_vec();
            changed[at].1 = part;
            found.push(changed);
        }
    }
    found
}

/// The steps without one that no other needs, or with one made smaller.
fn stages_of(stages: &[Stage]) -> Vec<Vec<Stage>> {
    let mut found = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        if !stages.iter().any(|other| other.needs.contains(&stage.name)) {
            let mut less = stages.to_vec();
            less.remove(at);
            found.push(less);
        }
        for canvas in smaller(&stage.canvas) {
            let mut changed = stages.to_vec();
            changed[at].canvas = canvas;
            found.push(changed);
        }
    }
    found
}
