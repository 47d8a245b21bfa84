//! Forks: one result feeds several branches by name.

use std::collections::BTreeMap;

use celeriac_core::workflow::{Policy, Shape};

use super::{Group, Step};

/// Branches that run at once, each with what comes in; a map of their results by
/// name. Branches of different outputs are made [`dynamic`](super::Canvas::dynamic).
///
/// ```
/// use celeriac::canvas::{chain, fork};
///
/// #[celeriac::task]
/// async fn read() -> String { "text".into() }
///
/// #[celeriac::task]
/// async fn count(text: String, of: char) -> usize { text.matches(of).count() }
///
/// let counts = chain(read::s()).then(fork([("t", count::p('t')), ("x", count::p('x'))]));
/// # let _ = counts;
/// ```
pub fn fork<In, N: Into<String>, S: Step<In>>(
    branches: impl IntoIterator<Item = (N, S)>,
) -> Group<In, BTreeMap<String, S::Out>> {
    let branches: Result<Vec<_>, _> = branches
        .into_iter()
        .map(|(name, branch)| Ok((name.into(), branch.into_canvas().into_data()?)))
        .collect();
    let shape = branches.map(|branches| Shape::Fork { branches, policy: Policy::WaitAll });
    Group::new(shape.map(Into::into))
}
