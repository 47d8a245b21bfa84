//! The states of a chart as a tree: paths, initial states, and which of them an
//! actor can rest in.

use std::collections::HashMap;

use proc_macro2::Span;
use quote::format_ident;
use syn::{Attribute, Ident};

use super::grammar::{Body, Row, State};
use super::mistakes::Mistakes;

/// Words that the written module uses itself.
const RESERVED: [&str; 2] = ["next", "triggers"];

/// The most states of one chart: a set of them is one number of 64 bits.
const MOST_STATES: usize = 64;

pub(crate) struct Node {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) name: Ident,
    pub(crate) variant: Ident,
    pub(crate) parent: Option<usize>,
    pub(crate) children: Vec<usize>,
    /// Entered with the state around it.
    pub(crate) initial: bool,
    pub(crate) resting: bool,
    /// Outermost first, with the leaf of the extended chart.
    pub(crate) path: String,
    /// The group it is in.
    pub(crate) group: usize,
}

/// The states at the top, or those under one leaf of the extended chart.
pub(crate) struct Root {
    pub(crate) leaf: Vec<Ident>,
    pub(crate) children: Vec<usize>,
}

#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) roots: Vec<Root>,
    /// Pairs of siblings that follow one another, and the place of the second.
    pub(crate) steps: Vec<(usize, usize, Span)>,
}

impl Tree {
    pub(crate) fn grow(body: &Body, chart: &Ident, mistakes: &mut Mistakes) -> Self {
        let mut tree = Tree::default();
        for (group, written) in body.groups.iter().enumerate() {
            let prefix = written.leaf.iter().map(Ident::to_string).collect::<Vec<_>>().join(".");
            let known = tree.roots.iter().any(|root| root.leaf == written.leaf);
            if let (true, Some(last)) = (known, written.leaf.last()) {
                mistakes.add(last.span(), "this leaf has its sub-states already");
            }
            let children = tree.add_rows(&written.rows, None, &prefix, group);
            let place = written.leaf.last().unwrap_or(chart).span();
            match written.leaf.is_empty() {
                true => tree.choose_first(&children, place, mistakes),
                false => tree.choose_marked(&children, place, mistakes),
            }
            tree.roots.push(Root { leaf: written.leaf.clone(), children });
        }
        for index in 0..tree.nodes.len() {
            tree.settle(index, mistakes);
        }
        tree.check_names(mistakes);
        tree
    }

    fn add_rows(
        &mut self,
        rows: &[Row],
        parent: Option<usize>,
        prefix: &str,
        group: usize,
    ) -> Vec<usize> {
        let mut children = Vec::new();
        for Row(states) in rows {
            let mut before = None;
            for state in states {
                let index = self.add(state, parent, prefix, group);
                if let Some(before) = before.replace(index) {
                    self.steps.push((before, index, state.name.span()));
                }
                children.push(index);
            }
        }
        children
    }

    fn add(&mut self, state: &State, parent: Option<usize>, prefix: &str, group: usize) -> usize {
        let name = state.name.to_string();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let index = self.nodes.len();
        self.nodes.push(Node {
            docs: state.docs.clone(),
            name: state.name.clone(),
            variant: format_ident!("{}", camel(&name), span = state.name.span()),
            parent,
            children: Vec::new(),
            initial: state.initial.is_some(),
            resting: false,
            path: path.clone(),
            group,
        });
        let children = self.add_rows(&state.inside, Some(index), &path, group);
        self.nodes[index].children = children;
        index
    }

    /// The outermost states of a chart: the first is the initial one, unless
    /// another is marked.
    fn choose_first(&mut self, children: &[usize], place: Span, mistakes: &mut Mistakes) {
        let marked: Vec<usize> = self.marked(children);
        match (marked.as_slice(), children.first()) {
            ([], Some(first)) => self.nodes[*first].initial = true,
            ([], None) => mistakes.add(place, "a chart has at least one state"),
            ([_], _) => {}
            ([_, second, ..], _) => self.refuse_second(*second, mistakes),
        }
    }

    fn choose_marked(&mut self, children: &[usize], place: Span, mistakes: &mut Mistakes) {
        match self.marked(children).as_slice() {
            [] => mistakes.add(place, "none of its sub-states is marked `initial`"),
            [_] => {}
            [_, second, ..] => self.refuse_second(*second, mistakes),
        }
    }

    /// Whether one can rest in the state: in a leaf, and in a state whose
    /// sub-states follow one another and are not entered with it.
    fn settle(&mut self, index: usize, mistakes: &mut Mistakes) {
        let children = self.nodes[index].children.clone();
        let in_one_row = children.len() == 1
            || children
                .windows(2)
                .all(|pair| self.steps.iter().any(|(before, after, _)| [*before, *after] == *pair));
        match (children.as_slice(), self.marked(&children).as_slice()) {
            ([], _) => self.nodes[index].resting = true,
            (_, []) if in_one_row => self.nodes[index].resting = true,
            (_, []) => {
                let message = "none of its sub-states is marked `initial`";
                mistakes.add(self.nodes[index].name.span(), message);
            }
            (_, [_]) => {}
            (_, [_, second, ..]) => self.refuse_second(*second, mistakes),
        }
    }

    fn marked(&self, children: &[usize]) -> Vec<usize> {
        children.iter().copied().filter(|child| self.nodes[*child].initial).collect()
    }

    fn refuse_second(&self, second: usize, mistakes: &mut Mistakes) {
        mistakes.add(self.nodes[second].name.span(), "a sibling is marked `initial` already");
    }

    fn check_names(&self, mistakes: &mut Mistakes) {
        let mut known: HashMap<String, &Node> = HashMap::new();
        for node in &self.nodes {
            let name = node.name.to_string();
            if RESERVED.contains(&name.as_str()) {
                mistakes.add(node.name.span(), "the written module uses this name itself");
            }
            if let Some(other) = known.insert(node.variant.to_string(), node) {
                let message = format!("there is a state `{}` already", other.path);
                mistakes.add(node.name.span(), message);
            }
        }
        if let Some(beyond) = self.nodes.get(MOST_STATES) {
            let message = format!("a chart has at most {MOST_STATES} states");
            mistakes.add(beyond.name.span(), message);
        }
    }

    /// The state of that path.
    pub(crate) fn find(&self, path: &[Ident]) -> Result<usize, (Span, String)> {
        let root = self.roots.iter().find(|root| path.starts_with(&root.leaf));
        let Some(root) = root else {
            let place = path.first().map_or_else(Span::call_site, Ident::span);
            let message = "an extension moves only among the sub-states that it declares";
            return Err((place, message.to_owned()));
        };
        let mut siblings = &root.children;
        let mut around = root.leaf.iter().map(Ident::to_string).collect::<Vec<_>>().join(".");
        let mut found = None;
        for part in &path[root.leaf.len()..] {
            let Some(next) = siblings.iter().find(|index| self.nodes[**index].name == *part) else {
                return Err((part.span(), self.unknown(part, &around, siblings)));
            };
            found = Some(*next);
            siblings = &self.nodes[*next].children;
            around = self.nodes[*next].path.clone();
        }
        found.ok_or_else(|| {
            let place = path.last().map_or_else(Span::call_site, Ident::span);
            (place, "name one of its sub-states".to_owned())
        })
    }

    fn unknown(&self, part: &Ident, around: &str, siblings: &[usize]) -> String {
        let place = if around.is_empty() { "here" } else { &format!("in `{around}`") };
        let names = siblings.iter().map(|index| format!("`{}`", self.nodes[*index].name));
        let names = names.collect::<Vec<_>>().join(", ");
        let message = format!("there is no state `{part}` {place}");
        match names.is_empty() {
            true => message,
            false => format!("{message}; there is {names}"),
        }
    }

    /// The resting states inside of a state, itself included, in order.
    pub(crate) fn resting_inside(&self, index: usize) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|candidate| self.nodes[*candidate].resting && self.is_inside(*candidate, index))
            .collect()
    }

    /// Where arrows from a state and all inside of it begin: a state that one can
    /// rest in does not speak for its sub-states.
    pub(crate) fn spread(&self, index: usize) -> Vec<usize> {
        let node = &self.nodes[index];
        let mut all = vec![index];
        if node.resting {
            all.extend(node.children.iter().flat_map(|child| self.spread(*child)));
        }
        all
    }

    /// Where one comes to rest when a state is entered.
    pub(crate) fn entered(&self, index: usize) -> usize {
        let node = &self.nodes[index];
        let initial = node.children.iter().find(|child| self.nodes[**child].initial);
        match (node.resting, initial) {
            (false, Some(initial)) => self.entered(*initial),
            _ => index,
        }
    }

    /// The number of a resting state among its like.
    pub(crate) fn number(&self, index: usize) -> usize {
        self.nodes[..index].iter().filter(|node| node.resting).count()
    }

    pub(crate) fn resting(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.resting)
    }

    /// Where one comes to rest at first, under one root.
    pub(crate) fn beginning(&self, root: &Root) -> Option<usize> {
        let first = root.children.iter().find(|child| self.nodes[**child].initial)?;
        Some(self.entered(*first))
    }

    fn is_inside(&self, candidate: usize, around: usize) -> bool {
        let mut at = Some(candidate);
        while let Some(index) = at {
            if index == around {
                return true;
            }
            at = self.nodes[index].parent;
        }
        false
    }
}

/// `tasks_started` becomes `TasksStarted`.
pub(crate) fn camel(name: &str) -> String {
    let words = name.trim_start_matches("r#").split('_').filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first: String =
            letters.next().map(|it| it.to_uppercase().collect()).unwrap_or_default();
        first + letters.as_str()
    };
    words.map(capital).collect()
}

/// `TrafficLight` becomes `traffic_light`.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::{camel, snake};

    #[test]
    fn names_change_their_case() {
        assert_eq!(camel("tasks_started"), "TasksStarted");
        assert_eq!(camel("red"), "Red");
        assert_eq!(snake("TrafficLight"), "traffic_light");
        assert_eq!(snake("Playing"), "playing");
    }
}
