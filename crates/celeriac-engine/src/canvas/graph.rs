//! The pages of a graph that are at hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use celeriac_core::workflow::{Node, Page, StepId};

/// The pages of a graph that are at hand. A step that asks for another is told
/// again once that page was inserted ([`Need::Page`](super::Need::Page)).
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pages: BTreeMap<u32, Arc<Page>>,
}

impl Graph {
    /// A graph of these pages.
    pub fn new(pages: impl IntoIterator<Item = Page>) -> Self {
        let mut graph = Self::default();
        pages.into_iter().for_each(|page| graph.insert(Arc::new(page)));
        graph
    }

    /// Puts a page at hand.
    pub fn insert(&mut self, page: Arc<Page>) {
        self.pages.insert(page.first.0, page);
    }

    /// A step, if its page is at hand.
    #[must_use]
    pub fn node(&self, step: StepId) -> Option<&Node> {
        self.pages.range(..=step.0).next_back()?.1.node(step)
    }

    /// How many steps are at hand.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.pages.values().map(|page| page.nodes.len()).sum()
    }
}
