//! `statechart!`: reads a chart, checks it, and writes its enums, its table and
//! its data.

pub(crate) mod grammar;
mod mistakes;
mod names;
mod transitions;
mod tree;
mod write;

use proc_macro2::TokenStream;
use syn::Ident;

use grammar::{Body, Chart};
use mistakes::Mistakes;
use transitions::Transitions;
use tree::Tree;

/// What a chart, or a region of one, means.
pub(crate) struct Meaning {
    pub(crate) tree: Tree,
    pub(crate) transitions: Transitions,
}

pub(crate) fn expand(chart: &Chart) -> syn::Result<TokenStream> {
    let mut mistakes = Mistakes::default();
    if let Some(base) = &chart.extends {
        mistakes.add(syn::spanned::Spanned::span(base), "not yet");
    }
    let meaning = Meaning::of(&chart.body, &chart.name, &mut mistakes);
    let mut regions = Vec::new();
    for region in &chart.body.regions {
        let name = &region.name;
        if meaning.tree.nodes.iter().any(|node| node.parent.is_none() && node.name == *name) {
            mistakes.add(name.span(), "there is a state of this name already");
        }
        if regions.iter().any(|(known, _): &(&grammar::Region, _)| known.name == *name) {
            mistakes.add(name.span(), "there is a region of this name already");
        }
        regions.push((region, Meaning::of(&region.body, name, &mut mistakes)));
    }
    mistakes.into_result()?;
    Ok(write::chart(chart, &meaning, &regions))
}

impl Meaning {
    fn of(body: &Body, name: &Ident, mistakes: &mut Mistakes) -> Self {
        let tree = Tree::grow(body, name, mistakes);
        if body.transitions.is_empty() {
            mistakes.add(name.span(), "a chart has at least one transition: `on go: a => b;`");
        }
        let transitions = Transitions::resolve(body, &tree, mistakes);
        Meaning { tree, transitions }
    }
}
