//! Names of tables and columns that users give: checked, and quoted in every
//! statement, so that they mean what they say and nothing else.

use std::fmt;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};

/// PostgreSQL cuts longer names, silently.
const MAX_BYTES: usize = 63;

/// A table, in a schema or wherever the search path finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    schema: Option<String>,
    name: String,
}

impl Table {
    /// Reads `name` or `schema.name`.
    ///
    /// # Errors
    /// `Config`, with the text.
    pub(crate) fn parse(operation: &'static str, text: &str) -> Result<Self> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        if schema.is_none_or(is_name) && is_name(name) {
            return Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() });
        }
        let context = format!(
            "table `{}`: write `name` or `schema.name`, each of 1 to {MAX_BYTES} bytes, without \
             quotes and further dots",
            text.escape_debug()
        );
        Err(Error::new(ErrorKind::Config, operation, context))
    }

    /// The name as SQL has it.
    pub(crate) fn quoted(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(&self.name)),
            None => quote(&self.name),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Whether PostgreSQL takes the text as a name as it is. Quotes and dots it
/// would take; they are mistakes more often than names.
pub(crate) fn is_name(text: &str) -> bool {
    let is_odd = |letter: char| letter.is_control() || matches!(letter, '"' | '.');
    (1..=MAX_BYTES).contains(&text.len()) && !text.contains(is_odd)
}

/// A name as SQL has it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_they_are() {
        let quoted = |text| Table::parse("write", text).unwrap().quoted();
        assert_eq!(quoted("results"), "\"results\"");
        assert_eq!(quoted("Archive.Ergebnisse ä"), "\"Archive\".\"Ergebnisse ä\"");
        assert_eq!(quoted("a; DROP TABLE b"), "\"a; DROP TABLE b\"");
    }

    #[test]
    fn what_is_no_name_is_told() {
        let long = "x".repeat(64);
        for text in ["", "a.b.c", ".a", "a.", "a\"b", "a\0", &long] {
            let error = Table::parse("write", text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("write `name` or `schema.name`"), "{error}");
        }
    }
}
