//! YAML 1.2 (its core schema) as a tree of values that know where they stand.
//!
//! Anchors and aliases work, within limits: what an alias repeats is counted
//! again. Merge keys and tags are refused: they hide what a file says.

use std::collections::BTreeMap;

use celeriac_core::HeaderValue;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use super::Mistake;
use super::node::{At, Entry, Node, Value};

/// How deep a file nests at the most.
const MAX_DEPTH: usize = 64;
/// How many values a file has at the most, those of aliases counted again.
const MAX_NODES: usize = 200_000;

pub(super) fn read(text: &str) -> Result<Node, Mistake> {
    let parser = Parser::new_from_str(text);
    let mut reader = Reader { parser, anchors: BTreeMap::new(), left: MAX_NODES };
    let (mut root, mut documents) = (None, 0);
    while let Some((event, at)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(Mistake::new(at, "a second document; give each a file"));
                }
            }
            Event::StreamEnd => break,
            event => root = Some(reader.node(event, at, 0)?.0),
        }
    }
    Ok(root.unwrap_or(Node { at: At { line: 1, column: 1 }, value: Value::Table(Vec::new()) }))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// What can be repeated, and how many values that has.
    anchors: BTreeMap<usize, (Node, usize)>,
    left: usize,
}

fn place(marker: &Marker) -> At {
    At { line: marker.line(), column: marker.col() + 1 }
}

fn misread(error: &ScanError) -> Mistake {
    Mistake::new(place(error.marker()), error.info())
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, At)>, Mistake> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, place(&span.start)))),
            Some(Err(error)) => Err(misread(&error)),
        }
    }

    /// The next event within a value.
    fn inner(&mut self, begun: At) -> Result<(Event<'a>, At), Mistake> {
        self.next()?.ok_or_else(|| Mistake::new(begun, "this does not end"))
    }

    /// The value that an event begins, and how many values it has.
    fn node(&mut self, event: Event<'a>, at: At, depth: usize) -> Result<(Node, usize), Mistake> {
        if depth > MAX_DEPTH {
            return Err(Mistake::new(at, format!("more than {MAX_DEPTH} levels deep")));
        }
        let (value, anchor, count) = match event {
            Event::Alias(anchor) => {
                let Some((node, count)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Mistake::new(at, "an alias of what it is itself a part of"));
                };
                self.spend(count, at)?;
                return Ok((node, count));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.as_ref().is_some_and(|tag| tag.suffix == "str");
                no_tag(tag.is_some() && !is_text, at)?;
                let plain = style == ScalarStyle::Plain && !is_text;
                let value = if plain { plain_value(&text) } else { HeaderValue::Text(text.into()) };
                (Value::Plain(value), anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                no_tag(tag.is_some(), at)?;
                let (items, count) = self.items(at, depth)?;
                (Value::List(items), anchor, count)
            }
            Event::MappingStart(anchor, tag) => {
                no_tag(tag.is_some(), at)?;
                let (entries, count) = self.entries(at, depth)?;
                (Value::Table(entries), anchor, count)
            }
            _ => return Err(Mistake::new(at, "a value was expected here")),
        };
        self.spend(1, at)?;
        let node = Node { at, value };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), count));
        }
        Ok((node, count))
    }

    fn spend(&mut self, count: usize, at: At) -> Result<(), Mistake> {
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            Mistake::new(at, format!("more than {MAX_NODES} values, those of aliases counted"))
        })?;
        Ok(())
    }

    fn items(&mut self, begun: At, depth: usize) -> Result<(Vec<Node>, usize), Mistake> {
        let (mut items, mut count) = (Vec::new(), 1);
        loop {
            let (event, at) = self.inner(begun)?;
            if event == Event::SequenceEnd {
                return Ok((items, count));
            }
            let (item, more) = self.node(event, at, depth + 1)?;
            items.push(item);
            count += more;
        }
    }

    fn entries(&mut self, begun: At, depth: usize) -> Result<(Vec<Entry>, usize), Mistake> {
        let (mut entries, mut count): (Vec<Entry>, usize) = (Vec::new(), 1);
        loop {
            let (event, at) = self.inner(begun)?;
            let key = match event {
                Event::MappingEnd => return Ok((entries, count)),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(Mistake::new(at, "a key must be a text")),
            };
            if key == "<<" {
                let message = "merge keys are not known; repeat a whole value by its alias";
                return Err(Mistake::new(at, message));
            }
            if entries.iter().any(|entry| entry.key == key) {
                return Err(Mistake::new(at, format!("the key `{key}` is here twice")));
            }
            let (event, begun) = self.inner(at)?;
            let (node, more) = self.node(event, begun, depth + 1)?;
            entries.push(Entry { key, at, node });
            count += more;
        }
    }
}

fn no_tag(is_tagged: bool, at: At) -> Result<(), Mistake> {
    let message = "tags are not known; write the value itself";
    if is_tagged { Err(Mistake::new(at, message)) } else { Ok(()) }
}

/// What a text without quotes means in the core schema.
fn plain_value(text: &str) -> HeaderValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return HeaderValue::Null,
        "true" | "True" | "TRUE" => return HeaderValue::Bool(true),
        "false" | "False" | "FALSE" => return HeaderValue::Bool(false),
        _ => {}
    }
    let radix = [("0x", 16), ("0o", 8)];
    for (prefix, radix) in radix {
        if let Some(digits) = text.strip_prefix(prefix)
            && let Ok(number) = i64::from_str_radix(digits, radix)
        {
            return HeaderValue::Int(number);
        }
    }
    if let Ok(number) = text.parse::<i64>() {
        return HeaderValue::Int(number);
    }
    // What the standard library takes for a number beside: `inf`, `nan`.
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E');
    match text.parse::<f64>() {
        Ok(number) if text.chars().all(numeric) => HeaderValue::Float(number),
        _ => HeaderValue::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(node: &Node) -> HeaderValue {
        match &node.value {
            Value::Plain(value) => value.clone(),
            Value::List(items) => HeaderValue::List(items.iter().map(data).collect()),
            Value::Table(entries) => HeaderValue::Map(
                entries.iter().map(|entry| (entry.key.clone(), data(&entry.node))).collect(),
            ),
        }
    }

    #[test]
    fn scalars_mean_what_the_core_schema_says() {
        let text = "[1, -2, 0x10, 1.5, 1e3, true, ~, yes, 'no', \"1\", !!str 7, inf, a b]";
        let expected = [
            HeaderValue::Int(1),
            HeaderValue::Int(-2),
            HeaderValue::Int(16),
            HeaderValue::Float(1.5),
            HeaderValue::Float(1000.0),
            HeaderValue::Bool(true),
            HeaderValue::Null,
            "yes".into(),
            "no".into(),
            "1".into(),
            "7".into(),
            "inf".into(),
            "a b".into(),
        ];
        assert_eq!(data(&read(text).unwrap()), HeaderValue::List(expected.to_vec()));
        assert_eq!(data(&read("a: &x [1]\nb: *x\n").unwrap()), {
            let one = HeaderValue::List(vec![1_i64.into()]);
            HeaderValue::Map([("a".to_owned(), one.clone()), ("b".to_owned(), one)].into())
        });
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let bomb = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            let before = format!("*a{}", n - 1);
            let items = [before.as_str(); 7].join(", ");
            format!("{text}a{n}: &a{n} [{items}]\n")
        });
        let cases = [
            ("a: 1\nb: [1, 2\n", 0, "expected"),
            ("a: 1\nb: 2\na: 3\n", 3, "the key `a` is here twice"),
            ("a: !!binary x", 1, "tags are not known"),
            ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge keys"),
            ("---\na: 1\n---\nb: 2\n", 3, "a second document"),
            (bomb.as_str(), 0, "more than 200000 values"),
            (&"[".repeat(100), 0, "levels deep"),
        ];
        for (text, line, expected) in cases {
            let mistake = read(text).unwrap_err();
            assert!(mistake.message().contains(expected), "{:.40}: {mistake:?}", text);
            assert!(line == 0 || mistake.line() == line, "{mistake:?}");
        }
    }
}
