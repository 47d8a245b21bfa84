//! One task over many items.

use std::fmt;
use std::marker::PhantomData;

use celeriac_core::workflow::{self, Each, JsonPath, Policy, Shape};
use serde::Serialize;

use super::values::argument;
use super::{Canvas, CanvasError, Group, Partial, Place};
use crate::task::Task;

/// A task that can go over items: `task::p(…)`, whose first argument is the
/// item, or [`star`]`(task)`, whose arguments are the item.
pub trait Over<Item> {
    /// What the task gives for one item.
    type Out;

    /// The task, and how an item becomes its arguments.
    ///
    /// # Errors
    /// [`CanvasError`] if its arguments have no data form.
    fn into_over(self) -> Result<(workflow::Signature, Each), CanvasError>;
}

impl<T: Task, Item> Over<Item> for Partial<T, Item> {
    type Out = T::Output;

    fn into_over(self) -> Result<(workflow::Signature, Each), CanvasError> {
        Ok((self.into_step()?, Each::Item))
    }
}

/// A task whose arguments are all in the item: a tuple. Made by [`star`].
pub struct Star<T>(PhantomData<fn() -> T>);

impl<T: Task> fmt::Debug for Star<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Star").field(&T::NAME).finish()
    }
}

/// The task `task` with all of its arguments in each item.
pub fn star<T: Task>(_task: impl FnOnce() -> T) -> Star<T> {
    Star(PhantomData)
}

impl<T: Task> Over<T::Args> for Star<T> {
    type Out = T::Output;

    fn into_over(self) -> Result<(workflow::Signature, Each), CanvasError> {
        Ok((crate::signature::into_step::<T>(Vec::new(), None)?, Each::Star))
    }
}

/// The list that the step before gives, as items. Made by [`input`].
#[derive(Clone, Copy, Debug)]
pub struct Input;

/// The list that the step before gives. For a list within what it gives, see
/// [`at`](super::at).
#[must_use]
pub const fn input() -> Input {
    Input
}

/// Where items come from: a `Vec` or an array of them, which ignores the step
/// before; [`input`], the list that it gives; or [`at`](super::at), a list within
/// what it gives, whose type nobody checks.
#[diagnostic::on_unimplemented(
    message = "these are no items of type `{Item}` for a step that takes `{In}`",
    label = "not a `Vec` or an array of `{Item}`, nor `input()` nor `at(\"$.path\")`"
)]
pub trait Items<Item, In> {
    /// The items as data, for `task`.
    ///
    /// # Errors
    /// [`CanvasError`] if an item has no JSON form, or the path is none.
    fn into_items(self, task: &str) -> Result<workflow::Items, CanvasError>;
}

impl<Item> Items<Item, Vec<Item>> for Input {
    fn into_items(self, _: &str) -> Result<workflow::Items, CanvasError> {
        Ok(workflow::Items::Input(JsonPath::WHOLE))
    }
}

impl<Item, In> Items<Item, In> for Place {
    fn into_items(self, _: &str) -> Result<workflow::Items, CanvasError> {
        Ok(workflow::Items::Input(self.into_path()?))
    }
}

impl<Item: Serialize, In> Items<Item, In> for Vec<Item> {
    fn into_items(self, task: &str) -> Result<workflow::Items, CanvasError> {
        let values: Result<_, _> = self.iter().map(|item| argument(task, item)).collect();
        values.map(workflow::Items::Given)
    }
}

impl<Item: Serialize, In, const N: usize> Items<Item, In> for [Item; N] {
    fn into_items(self, task: &str) -> Result<workflow::Items, CanvasError> {
        let values: Result<_, _> = self.iter().map(|item| argument(task, item)).collect();
        values.map(workflow::Items::Given)
    }
}

/// A task over items, as a command each; a list of results in order.
///
/// ```
/// use celeriac::canvas::{Group, Nothing, chain, input, map};
///
/// #[celeriac::task]
/// async fn files(folder: String) -> Vec<String> { vec![folder] }
///
/// #[celeriac::task]
/// async fn hash(file: String, bits: u32) -> u64 { u64::from(bits) + file.len() as u64 }
///
/// let files = vec!["a".to_owned(), "b".to_owned()];
/// let given: Group<Nothing, Vec<u64>> = map(hash::p(64), files).fail_fast();
/// let found = chain(files::s("photos".into())).then(map(hash::p(64), input()));
/// # let _ = (given, found);
/// ```
pub fn map<In, Item, O: Over<Item>>(
    task: O,
    items: impl Items<Item, In>,
) -> Group<In, Vec<O::Out>> {
    Group::new(shape(task, items, |signature, each, items| Shape::Map {
        signature,
        items,
        each,
        policy: Policy::WaitAll,
    }))
}

/// A task over tuples of all of its arguments, as a command each. Short for
/// `map(star(task), items)`.
///
/// ```
/// use celeriac::canvas::{Group, Nothing, starmap};
///
/// #[celeriac::task]
/// async fn add(a: i64, b: i64) -> i64 { a + b }
///
/// let sums: Group<Nothing, Vec<i64>> = starmap(add, [(1, 2), (3, 4)]);
/// # let _ = sums;
/// ```
pub fn starmap<In, T: Task>(
    task: impl FnOnce() -> T,
    items: impl Items<T::Args, In>,
) -> Group<In, Vec<T::Output>> {
    map(star(task), items)
}

/// A task over items in one command, one item after the other; a list of
/// results in order. For items that are too small to be commands of their own.
pub fn sweep<In, Item, O: Over<Item>>(
    task: O,
    items: impl Items<Item, In>,
) -> Canvas<In, Vec<O::Out>> {
    Canvas::new(shape(task, items, |signature, each, items| Shape::Sweep {
        signature,
        items,
        each,
    }))
}

/// A task over items, so many in one command; a list of lists of results.
///
/// ```
/// use celeriac::canvas::{Group, Nothing, chunks};
///
/// #[celeriac::task]
/// async fn double(n: u32) -> u32 { n * 2 }
///
/// let items = (0..1_000).collect::<Vec<_>>();
/// let doubled: Group<Nothing, Vec<Vec<u32>>> = chunks(double::p(), items, 100);
/// # let _ = doubled;
/// ```
pub fn chunks<In, Item, O: Over<Item>>(
    task: O,
    items: impl Items<Item, In>,
    size: u32,
) -> Group<In, Vec<Vec<O::Out>>> {
    Group::new(shape(task, items, |signature, each, items| Shape::Chunks {
        signature,
        items,
        each,
        size,
        policy: Policy::WaitAll,
    }))
}

fn shape<In, Item, O: Over<Item>>(
    task: O,
    items: impl Items<Item, In>,
    shape: impl FnOnce(workflow::Signature, Each, workflow::Items) -> Shape,
) -> super::Data {
    let (signature, each) = task.into_over()?;
    let items = items.into_items(signature.task.as_str())?;
    Ok(shape(signature, each, items).into())
}
