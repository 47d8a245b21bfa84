//! Building: from steps that need each other to a canvas. Steps that depend on
//! nothing of each other run at once; what they all lead to comes after.

use std::collections::{BTreeMap, BTreeSet};

use celeriac_core::workflow::{Canvas, Each, Items, JsonPath, Policy, Shape};

use super::Mistake;
use super::read::Step;

/// The steps' numbers.
type Set = BTreeSet<usize>;

struct Graph<'a> {
    steps: &'a [Step],
    needs: Vec<Set>,
}

/// The canvas of these steps; `None` if they make none.
pub(super) fn canvas(steps: &[Step], mistakes: &mut Vec<Mistake>) -> Option<Canvas> {
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
        let mut all = Set::new();
        for (id, at) in &step.needs {
            match numbers.get(id.as_str()) {
                Some(number) if !all.insert(*number) => {
                    mistakes.push(Mistake::new(*at, format!("`{id}` is needed twice")));
                }
                Some(_) => {}
                None => {
                    let known = numbers.keys().copied();
                    let meant = crate::config::nearest::nearest(id, known);
                    let hint = meant.map_or(String::new(), |it| format!("; did you mean `{it}`?"));
                    mistakes.push(Mistake::new(*at, format!("unknown step `{id}`{hint}")));
                }
            }
        }
        needs.push(all);
    }
    let graph = Graph { steps, needs };
    if mistakes.len() == before {
        graph.cycles(mistakes);
    }
    if mistakes.len() > before || steps.is_empty() {
        return None;
    }
    match graph.part(&(0..steps.len()).collect()) {
        Ok(canvas) => Some(canvas),
        Err(step) => {
            let message = format!(
                "`{}` and steps beside it need different ones of the same steps: let steps that \
                 share a need have the same `needs`, or put a step between",
                steps[step].id
            );
            mistakes.push(Mistake::new(steps[step].at, message));
            None
        }
    }
}

impl Graph<'_> {
    /// Reports the steps of each cycle, at the first of them.
    fn cycles(&self, mistakes: &mut Vec<Mistake>) {
        let mut open: Set = (0..self.steps.len()).collect();
        loop {
            let ready = |step: &usize| self.needs[*step].is_disjoint(&open);
            let Some(next) = open.iter().copied().find(ready) else { break };
            open.remove(&next);
        }
        let Some(mut step) = open.first().copied() else { return };
        // Every step that is left needs another one that is.
        let mut way = Vec::new();
        while !way.contains(&step) {
            way.push(step);
            match self.needs[step].intersection(&open).next() {
                Some(next) => step = *next,
                None => return,
            }
        }
        let begin = way.iter().position(|on_way| *on_way == step).unwrap_or(0);
        let ids: Vec<_> = way[begin..].iter().map(|step| self.steps[*step].id.as_str()).collect();
        let message = format!("a cycle: {} → {}", ids.join(" → "), ids[0]);
        mistakes.push(Mistake::new(self.steps[step].at, message));
    }

    fn sinks(&self, set: &Set) -> Set {
        let needed: Set = set.iter().flat_map(|step| &self.needs[*step]).copied().collect();
        set.difference(&needed).copied().collect()
    }

    /// A part by itself; or a step with which it can't be taken apart.
    fn part(&self, set: &Set) -> Result<Canvas, usize> {
        let parts = self.components(set);
        if let [_, _, ..] = parts.as_slice() {
            let mut branches = Vec::new();
            for part in parts {
                let ids = self.sinks(&part);
                let ids: Vec<_> = ids.iter().map(|step| self.steps[*step].id.as_str()).collect();
                branches.push((ids.join("+"), self.part(&part)?));
            }
            return Ok(Shape::Fork { branches, policy: Policy::WaitAll }.into());
        }
        if set.len() == 1 {
            return Ok(set
                .first()
                .map_or_else(|| Canvas::chain(Vec::new()), |step| task(&self.steps[*step])));
        }
        for step in set {
            let wanted: Set = self.needs[*step].intersection(set).copied().collect();
            if wanted.is_empty() {
                continue;
            }
            let first = self.with_ancestors(&wanted, set);
            let rest: Set = set.difference(&first).copied().collect();
            if self.is_cut(&first, &rest, &wanted) {
                return Ok(follow(self.part(&first)?, self.part(&rest)?));
            }
        }
        Err(set.iter().copied().find(|step| self.needs[*step].len() > 1).unwrap_or_default())
    }

    /// Whether all of `rest` that needs anything of `first` needs just `wanted`,
    /// which is what `first` gives; several are given by name, one from each part.
    fn is_cut(&self, first: &Set, rest: &Set, wanted: &Set) -> bool {
        let whole = |step: &usize| {
            let of_first: Set = self.needs[*step].intersection(first).copied().collect();
            let of_rest = self.needs[*step].intersection(rest).next().is_some();
            if of_rest { of_first.is_empty() } else { of_first == *wanted }
        };
        let parts = self.components(first);
        self.sinks(first) == *wanted
            && parts.len() == wanted.len()
            && parts.iter().all(|part| self.sinks(part).len() == 1)
            && rest.iter().all(whole)
    }

    fn with_ancestors(&self, steps: &Set, within: &Set) -> Set {
        let (mut all, mut open) = (Set::new(), Vec::from_iter(steps.iter().copied()));
        while let Some(step) = open.pop() {
            if all.insert(step) {
                open.extend(self.needs[step].intersection(within));
            }
        }
        all
    }

    /// Parts that do not need each other.
    fn components(&self, set: &Set) -> Vec<Set> {
        let mut parts: Vec<Set> = Vec::new();
        for step in set {
            let mut with = Set::from([*step]);
            with.extend(self.needs[*step].intersection(set));
            let (joined, apart): (Vec<_>, Vec<_>) =
                parts.into_iter().partition(|part| !part.is_disjoint(&with));
            parts = apart;
            with.extend(joined.into_iter().flatten());
            parts.push(with);
        }
        parts.sort_by_key(|part| part.first().copied());
        parts
    }
}

fn follow(first: Canvas, next: Canvas) -> Canvas {
    match (first.shape, next.shape) {
        (Shape::Chain(mut steps), Shape::Chain(more)) => {
            steps.extend(more);
            Canvas::chain(steps)
        }
        (Shape::Chain(mut steps), shape) => {
            steps.push(shape.into());
            Canvas::chain(steps)
        }
        (shape, Shape::Chain(more)) => {
            let first = std::iter::once(Canvas::from(shape));
            Canvas::chain(first.chain(more).collect())
        }
        (shape, next) => Canvas::chain(vec![shape.into(), next.into()]),
    }
}

fn task(step: &Step) -> Canvas {
    let signature = step.signature.clone();
    let canvas: Canvas = match &step.foreach {
        None => signature.into(),
        Some(path) => {
            let (items, policy) = (Items::Input(path.clone()), step.policy);
            Shape::Map { signature, items, each: Each::Item, policy }.into()
        }
    };
    match &step.when {
        None => canvas,
        Some(when) => {
            let path: JsonPath = when.path.clone();
            Shape::Switch { cases: vec![(when.on(path), canvas)], otherwise: None }.into()
        }
    }
}
