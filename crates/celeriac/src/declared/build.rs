//! Building: from steps that need each other to a canvas.

use std::collections::{BTreeMap, BTreeSet};

use celeriac_core::workflow::{Canvas, Each, Items, Policy, Shape, Stage};

use super::Mistake;
use super::read::{Step, Workflow};
use crate::config::nearest::nearest;

/// The steps' numbers in an order in which each comes after what it needs;
/// `None` if there is none.
pub(super) fn order(steps: &[Step], mistakes: &mut Vec<Mistake>) -> Option<Vec<usize>> {
    let before = mistakes.len();
    let mut numbers = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        if numbers.insert(step.id.as_str(), number).is_some() {
            let message = format!("two steps have the id `{}`; rename one of them", step.id);
            mistakes.push(Mistake::new(step.at, message));
        }
    }
    let mut needs = Vec::new();
    for step in steps {
        let mut all = BTreeSet::new();
        for (id, at) in &step.needs {
            match numbers.get(id.as_str()) {
                Some(number) if !all.insert(*number) => {
                    mistakes.push(Mistake::new(*at, format!("`{id}` is needed twice")));
                }
                Some(_) => {}
                None => {
                    let meant = nearest(id, numbers.keys().copied());
                    let hint = meant.map_or(String::new(), |it| format!("; did you mean `{it}`?"));
                    mistakes.push(Mistake::new(*at, format!("unknown step `{id}`{hint}")));
                }
            }
        }
        needs.push(all);
    }
    if mistakes.len() > before {
        return None;
    }
    let (mut order, mut open) = (Vec::new(), (0..steps.len()).collect::<BTreeSet<_>>());
    while let Some(next) = open.iter().copied().find(|step| needs[*step].is_disjoint(&open)) {
        open.remove(&next);
        order.push(next);
    }
    cycle(steps, &needs, &open, mistakes);
    open.is_empty().then_some(order)
}

/// Reports the steps of a cycle among those that are left, at the first of them.
fn cycle(
    steps: &[Step],
    needs: &[BTreeSet<usize>],
    open: &BTreeSet<usize>,
    mistakes: &mut Vec<Mistake>,
) {
    let Some(mut step) = open.first().copied() else { return };
    // Every step that is left needs another one that is.
    let mut way = Vec::new();
    while !way.contains(&step) {
        way.push(step);
        match needs[step].intersection(open).next() {
            Some(next) => step = *next,
            None => return,
        }
    }
    let begin = way.iter().position(|on_way| *on_way == step).unwrap_or(0);
    let ids: Vec<_> = way[begin..].iter().map(|step| steps[*step].id.as_str()).collect();
    let message = format!("a cycle: {} → {}", ids.join(" → "), ids[0]);
    mistakes.push(Mistake::new(steps[step].at, message));
}

pub(super) fn canvas(workflow: &Workflow) -> Canvas {
    let stages = workflow.steps.iter().map(|step| Stage {
        name: step.id.clone(),
        needs: step.needs.iter().map(|(id, _)| id.clone()).collect(),
        settle: step.policy == Policy::Settle && step.foreach.is_none(),
        canvas: task(step),
    });
    let mut canvas: Canvas =
        Shape::Dag { stages: stages.collect(), policy: workflow.policy }.into();
    canvas.link.clone_from(&workflow.link);
    canvas.on_error.clone_from(&workflow.link_error);
    canvas
}

fn task(step: &Step) -> Canvas {
    let signature = step.signature.clone();
    let mut canvas: Canvas = match &step.foreach {
        None => signature.into(),
        Some((path, _)) => {
            let (items, policy) = (Items::Input(path.within.clone()), step.policy);
            Shape::Map { signature, items, each: Each::Item, policy }.into()
        }
    };
    canvas.link.clone_from(&step.link);
    canvas.on_error.clone_from(&step.link_error);
    match &step.when {
        None => canvas,
        Some((condition, ..)) => {
            Shape::Switch { cases: vec![(condition.clone(), canvas)], otherwise: None }.into()
        }
    }
}
