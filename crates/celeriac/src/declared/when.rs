//! Conditions as a file writes them: `$.a.count > 0`, `$.a.kind == "full"`, `$.a.x`.

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Comparison, Condition, JsonPath};
use serde::Deserialize;

/// Longer ones come before those that they begin with.
const OPERATORS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// A condition whose path is still as it was written.
pub(super) struct When {
    pub(super) path: JsonPath,
    /// How it is compared with what; without it, something must be there.
    pub(super) compared: Option<(Comparison, HeaderValue)>,
}

impl When {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let found = OPERATORS
            .iter()
            .filter_map(|(sign, comparison)| Some((text.find(sign)?, *sign, *comparison)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
        let Some((at, sign, comparison)) = found else {
            let path = text.trim().parse::<JsonPath>().map_err(|error| error.to_string())?;
            return Ok(Self { path, compared: None });
        };
        let path = text[..at].trim().parse::<JsonPath>().map_err(|error| error.to_string())?;
        let with = text[at + sign.len()..].trim();
        let value = serde_json::from_str::<serde_json::Value>(with)
            .and_then(HeaderValue::deserialize)
            .map_err(|_| format!("`{with}` is no value; write a number, `true` or `\"text\"`"))?;
        Ok(Self { path, compared: Some((comparison, value)) })
    }

    /// The condition on what is at `path`.
    pub(super) fn on(self, path: JsonPath) -> Condition {
        match self.compared {
            None => Condition::Exists(path),
            Some((comparison, value)) => Condition::Compare(path, comparison, value),
        }
    }
}
