//! Where an actor is in the tree. Short paths, as those of most roots, take no
//! allocation of their own.

use std::fmt;
use std::ops::Deref;

/// Bytes of a path that is kept in place.
const SHORT: usize = 22;

pub(crate) struct Path(Text);

enum Text {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

impl Path {
    pub(crate) fn root(name: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                Path(Text::Short { length, bytes })
            }
            _ => Path(Text::Long(name.into())),
        }
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        Path(Text::Long([self, "/", name].concat().into_boxed_str()))
    }
}

impl Deref for Path {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Short { length, bytes } => {
                let used = bytes.get(..usize::from(*length)).unwrap_or_default();
                // It was copied from text.
                std::str::from_utf8(used).unwrap_or_default()
            }
            Text::Long(text) => text,
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

    #[test]
    fn keeps_names_of_any_length() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 300] {
            let name = "n".repeat(length);
            assert_eq!(*Path::root(&name), *name);
            assert_eq!(Path::root(&name).child("ü").to_string(), format!("{name}/ü"));
        }
    }
}
