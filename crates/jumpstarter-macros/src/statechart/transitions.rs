//! The transitions of a chart: resolved to states, and checked against each
//! other, the order of the steps and reachability.

use proc_macro2::Span;
use quote::format_ident;
use syn::{Attribute, Ident};

use super::grammar::{Body, Source, Transition};
use super::mistakes::Mistakes;
use super::tree::{Tree, camel};

pub(crate) struct Trigger {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) name: Ident,
    pub(crate) variant: Ident,
}

/// One arrow as it is drawn: a composite is one source.
pub(crate) struct Arrow {
    pub(crate) trigger: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// One step from one resting state to another.
struct Step {
    trigger: usize,
    from: usize,
    to: usize,
}

#[derive(Default)]
pub(crate) struct Transitions {
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) arrows: Vec<Arrow>,
    steps: Vec<Step>,
}

impl Transitions {
    pub(crate) fn resolve(body: &Body, tree: &Tree, mistakes: &mut Mistakes) -> Self {
        let mut transitions = Transitions::default();
        for written in &body.transitions {
            transitions.add(written, tree, mistakes);
        }
        // What follows from another mistake is not worth a message.
        if !mistakes.any() {
            transitions.check_order(tree, mistakes);
            transitions.check_reachable(tree, mistakes);
        }
        transitions
    }

    fn add(&mut self, written: &Transition, tree: &Tree, mistakes: &mut Mistakes) {
        let trigger = self.trigger(written);
        let to = match tree.find(&written.target) {
            Ok(to) => to,
            Err((place, message)) => return mistakes.add(place, message),
        };
        for source in &written.sources {
            let (place, sources) = match source.states(tree) {
                Ok(found) => found,
                Err((place, message)) => {
                    mistakes.add(place, message);
                    continue;
                }
            };
            for from in sources {
                if tree.nodes[from].group != tree.nodes[to].group {
                    let message = "an extension moves only among the sub-states of one leaf";
                    mistakes.add(place, message);
                    break;
                }
                self.arrows.push(Arrow { trigger, from, to });
                if let Err(message) = self.add_steps(trigger, (from, to), tree) {
                    mistakes.add(place, message);
                    break;
                }
            }
        }
    }

    fn add_steps(
        &mut self,
        trigger: usize,
        (from, to): (usize, usize),
        tree: &Tree,
    ) -> Result<(), String> {
        let to = tree.entered(to);
        let sources = match tree.nodes[from].resting {
            true => vec![from],
            false => tree.resting_inside(from),
        };
        for from in sources {
            let known = self.steps.iter().find(|step| step.trigger == trigger && step.from == from);
            if let Some(known) = known {
                return Err(format!(
                    "`{}` leads from `{}` to `{}` already",
                    self.triggers[trigger].name, tree.nodes[from].path, tree.nodes[known.to].path
                ));
            }
            self.steps.push(Step { trigger, from, to });
        }
        Ok(())
    }

    fn trigger(&mut self, written: &Transition) -> usize {
        let known = self.triggers.iter().position(|trigger| trigger.name == written.trigger);
        if let Some(known) = known {
            self.triggers[known].docs.extend(written.docs.iter().cloned());
            return known;
        }
        let variant = camel(&written.trigger.to_string());
        self.triggers.push(Trigger {
            docs: written.docs.clone(),
            name: written.trigger.clone(),
            variant: format_ident!("{variant}", span = written.trigger.span()),
        });
        self.triggers.len() - 1
    }

    /// Along each `a >> b` there is a transition.
    fn check_order(&self, tree: &Tree, mistakes: &mut Mistakes) {
        for (before, after, place) in &tree.steps {
            let (sources, targets) = (tree.resting_inside(*before), tree.resting_inside(*after));
            let leads = |step: &Step| sources.contains(&step.from) && targets.contains(&step.to);
            if !self.steps.iter().any(leads) {
                let (before, after) = (&tree.nodes[*before].path, &tree.nodes[*after].path);
                mistakes.add(*place, format!("no transition leads from `{before}` to `{after}`"));
            }
        }
    }

    fn check_reachable(&self, tree: &Tree, mistakes: &mut Mistakes) {
        let mut reached: Vec<usize> =
            tree.roots.iter().filter_map(|root| tree.beginning(root)).collect();
        let mut next = 0;
        while let Some(at) = reached.get(next).copied() {
            for step in self.steps.iter().filter(|step| step.from == at) {
                if !reached.contains(&step.to) {
                    reached.push(step.to);
                }
            }
            next += 1;
        }
        // What is not entered in order is reported there.
        let in_order = |index| tree.steps.iter().any(|(_, after, _)| *after == index);
        for (index, node) in tree.resting() {
            if !reached.contains(&index) && !in_order(index) {
                let message = format!("no transition leads to `{}`", node.path);
                mistakes.add(node.name.span(), message);
            }
        }
    }

    /// For each trigger, where it leads from each resting state, by number.
    pub(crate) fn matrix(&self, tree: &Tree) -> Vec<Vec<Option<usize>>> {
        let states = tree.resting().count();
        let mut matrix = vec![vec![None; states]; self.triggers.len()];
        for step in &self.steps {
            matrix[step.trigger][tree.number(step.from)] = Some(tree.number(step.to));
        }
        matrix
    }
}

impl Source {
    /// Where the arrows begin: a state that one can rest in means itself, another
    /// means all inside of it. With them the place for mistakes.
    fn states(&self, tree: &Tree) -> Result<(Span, Vec<usize>), (Span, String)> {
        let (path, alone) = match self {
            Source::Every(star) => {
                let outermost = tree.roots.iter().flat_map(|root| &root.children);
                return Ok((*star, outermost.flat_map(|it| tree.spread(*it)).collect()));
            }
            Source::State(path) => (path, false),
            Source::Alone(path) => (path, true),
        };
        let place = path.last().map_or_else(Span::call_site, Ident::span);
        let found = tree.find(path)?;
        match (alone, tree.nodes[found].resting) {
            (false, _) => Ok((place, tree.spread(found))),
            (true, true) => Ok((place, vec![found])),
            (true, false) => {
                Err((place, "one is never in this state alone, always inside of it".to_owned()))
            }
        }
    }
}
