//! How large a canvas is.

use celeriac_core::workflow::{Canvas, Shape};

/// How many steps a canvas has, roughly: what makes it readable or not.
#[must_use]
pub fn steps(canvas: &Canvas) -> usize {
    1 + canvas.link.len() + canvas.on_error.len() + parts(&canvas.shape).map(steps).sum::<usize>()
}

/// The canvases that a shape consists of.
pub(super) fn parts(shape: &Shape) -> Box<dyn Iterator<Item = &Canvas> + '_> {
    match shape {
        Shape::Task(_) | Shape::Map { .. } | Shape::Sweep { .. } | Shape::Chunks { .. } => {
            Box::new(std::iter::empty())
        }
        Shape::Chain(steps) => Box::new(steps.iter()),
        Shape::Group { members, .. } => Box::new(members.iter()),
        Shape::Chord { members, body, .. } => Box::new(members.iter().chain([&**body])),
        Shape::Fork { branches, .. } => Box::new(branches.iter().map(|(_, branch)| branch)),
        Shape::Switch { cases, otherwise } => {
            Box::new(cases.iter().map(|(_, case)| case).chain(otherwise.as_deref()))
        }
        Shape::Dag { stages, .. } => Box::new(stages.iter().map(|stage| &stage.canvas)),
        Shape::Loop { body, .. } => Box::new(std::iter::once(&**body)),
    }
}
