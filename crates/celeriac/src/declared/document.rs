//! Documents: a text with workflows, read but not checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::node::Node;
use super::{DeclarationError, Mistake, toml, yaml};

/// What declares workflows: a TOML or YAML text, or what
/// [`workflow!`](crate::workflow!) makes. It was read, and not checked yet.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) file: PathBuf,
    pub(super) root: Result<Node, Mistake>,
}

impl Document {
    /// A TOML text; `file` is named in what is said about it.
    #[must_use]
    pub fn toml(file: impl Into<PathBuf>, text: &str) -> Self {
        Self { file: file.into(), root: toml::read(text) }
    }

    /// A YAML text; `file` is named in what is said about it.
    #[must_use]
    pub fn yaml(file: impl Into<PathBuf>, text: &str) -> Self {
        Self { file: file.into(), root: yaml::read(text) }
    }

    /// A file: `.toml`, `.yaml` or `.yml`.
    ///
    /// # Errors
    /// [`DeclarationError::File`] if it can't be read, and
    /// [`DeclarationError::Format`] if its name ends in none of those.
    pub fn read(file: impl AsRef<Path>) -> Result<Self, DeclarationError> {
        let file = file.as_ref();
        let form: fn(PathBuf, &str) -> Self = match file.extension().and_then(|end| end.to_str()) {
            Some("toml") => Self::toml,
            Some("yaml" | "yml") => Self::yaml,
            _ => return Err(DeclarationError::Format { file: file.to_owned() }),
        };
        let text = std::fs::read_to_string(file).map_err(|source| DeclarationError::File {
            file: file.to_owned(),
            source: Arc::new(source),
        })?;
        Ok(form(file.to_owned(), &text))
    }
}
