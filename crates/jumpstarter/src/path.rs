//! Where an actor is in the tree: its parent, its name, and the path of both, made
//! when somebody asks for it. Short names take no allocation of their own.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::cell::AnyCell;

/// Bytes of a name that is kept in place.
const SHORT: usize = 15;

pub(crate) struct Path {
    /// Kept even if it has ended: it holds nothing then but what can be asked about.
    parent: Option<Arc<dyn AnyCell>>,
    /// The whole path, unless it is a short name. Twice boxed, as that is 8 bytes less in
    /// every actor, and few are asked for it.
    whole: OnceLock<Box<Box<str>>>,
    length: u8,
    name: [u8; SHORT],
}

impl Path {
    pub(crate) fn new(parent: Option<Arc<dyn AnyCell>>, name: &str) -> Self {
        let mut path = Path { parent, whole: OnceLock::new(), length: 0, name: [0; SHORT] };
        match (path.name.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                path.length = length;
            }
            _ => path.whole = OnceLock::from(Box::new(path.join(name))),
        }
        path
    }

    pub(crate) fn parent(&self) -> Option<&Arc<dyn AnyCell>> {
        self.parent.as_ref()
    }

    /// Whether this is the path; makes none.
    pub(crate) fn is(&self, path: &str) -> bool {
        match (self.whole.get(), &self.parent) {
            (Some(whole), _) => ***whole == *path,
            (None, None) => self.short() == path,
            (None, Some(parent)) => {
                let above = path.strip_suffix(self.short()).and_then(|path| path.strip_suffix('/'));
                above.is_some_and(|above| parent.core().path.is(above))
            }
        }
    }

    fn join(&self, name: &str) -> Box<str> {
        match &self.parent {
            Some(parent) => [&*parent.core().path, "/", name].concat().into_boxed_str(),
            None => name.into(),
        }
    }

    /// The name, if it is a short one.
    fn short(&self) -> &str {
        let used = self.name.get(..usize::from(self.length)).unwrap_or_default();
        // It was copied from text.
        std::str::from_utf8(used).unwrap_or_default()
    }
}

impl Deref for Path {
    type Target = str;

    fn deref(&self) -> &str {
        match (self.whole.get(), &self.parent) {
            (Some(whole), _) => whole,
            (None, None) => self.short(),
            (None, Some(_)) => self.whole.get_or_init(|| Box::new(self.join(self.short()))),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Options, System, actor};

    struct Parent;

    #[actor]
    impl Parent {
        #[handler]
        fn name_a_child(&mut self, name: String, ctx: &mut Context<Self>) -> String {
            let child = ctx.spawn_child(&name, Options::default(), || Parent);
            child.path().to_owned()
        }
    }

    #[tokio::test]
    async fn keeps_names_of_any_length() {
        let system = System::new("paths");
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 300] {
            let name = "n".repeat(length);
            let parent = system.spawn(&name, Options::default(), || Parent);
            assert_eq!(parent.path(), name);
            assert!(system.find::<Parent>(&name).is_some());
            for child in ["ü".to_owned(), name.clone()] {
                let path = parent.ask(child.clone()).await.unwrap();
                assert_eq!(path, format!("{name}/{child}"));
                assert!(system.find::<Parent>(&path).is_some());
            }
        }
    }
}
