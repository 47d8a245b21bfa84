//! Reading tables: keys that are known, values of the right kind, and what is
//! said if they are not.

use std::time::Duration;

use celeriac_core::HeaderValue;

use super::Mistake;
use super::node::{At, Entry, Node, Value};
use crate::config::nearest::nearest;

/// A table that is being read.
pub(super) struct Table<'a> {
    pub(super) at: At,
    entries: &'a [Entry],
}

impl<'a> Table<'a> {
    /// The node as a table of these keys; others are mistakes.
    pub(super) fn of(
        node: &'a Node,
        what: &str,
        keys: &[&str],
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            let message = format!("{what} is a table, not {}", node.kind());
            mistakes.push(Mistake::new(node.at, message));
            return None;
        };
        for Entry { key, at, .. } in entries {
            if !keys.contains(&key.as_str()) {
                let hint = did_you_mean(key, keys.iter().copied());
                mistakes.push(Mistake::new(*at, format!("unknown key `{key}`{hint}")));
            }
        }
        Some(Self { at: node.at, entries })
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub(super) fn text(&self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<(&'a str, At)> {
        let node = self.get(key)?;
        Some((text(node, key, mistakes)?, node.at))
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<(&'a str, At)> {
        if self.get(key).is_none() {
            mistakes.push(Mistake::new(self.at, format!("this step has no `{key}`")));
        }
        self.text(key, mistakes)
    }

    pub(super) fn switch(&self, key: &str, mistakes: &mut Vec<Mistake>) -> bool {
        let Some(node) = self.get(key) else { return false };
        if let Value::Plain(HeaderValue::Bool(switch)) = node.value {
            return switch;
        }
        mistakes.push(Mistake::new(node.at, format!("`{key}` is true or false")));
        false
    }

    pub(super) fn duration(&self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Duration> {
        let (text, at) = self.text(key, mistakes)?;
        let parsed = humantime::parse_duration(text).ok();
        if parsed.is_none() {
            let message = format!("`{key}` is no duration; write it like \"30s\" or \"1h 30m\"");
            mistakes.push(Mistake::new(at, message));
        }
        parsed
    }

    /// A whole number of that range.
    pub(super) fn number(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<i64>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<i64> {
        let node = self.get(key)?;
        match node.value {
            Value::Plain(HeaderValue::Int(number)) if range.contains(&number) => Some(number),
            _ => {
                let (from, to) = range.into_inner();
                let message = format!("`{key}` is a whole number from {from} to {to}");
                mistakes.push(Mistake::new(node.at, message));
                None
            }
        }
    }
}

pub(super) fn text<'a>(node: &'a Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<&'a str> {
    let text = node.text();
    if text.is_none() {
        let message = format!("`{key}` is {}; it must be a text", node.kind());
        mistakes.push(Mistake::new(node.at, message));
    }
    text
}

/// A list of texts with their places.
pub(super) fn texts(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Vec<(String, At)> {
    let Value::List(items) = &node.value else {
        let message = format!("`{key}` is {}; it must be a list of texts", node.kind());
        mistakes.push(Mistake::new(node.at, message));
        return Vec::new();
    };
    let texts = items
        .iter()
        .filter_map(|item| text(item, key, mistakes).map(|text| (text.to_owned(), item.at)));
    texts.collect()
}

/// A hint at what was probably meant, or nothing.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"))
}
