//! Types as far as they matter between steps, read from JSON schemas.
//!
//! What a schema says beyond that (patterns, conditions, what can't be read)
//! counts as anything: a declaration is refused only for what is surely wrong.

use std::collections::BTreeMap;
use std::fmt;

use celeriac_core::workflow::{JsonPath, Segment};
use serde_json::{Map, Value};

use super::reading::did_you_mean;

/// Deeper than this, and of more parts, types count as anything: schemas may
/// refer to themselves.
const MAX_DEPTH: usize = 12;
const MAX_PARTS: usize = 2000;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Anything,
    Null,
    Bool,
    /// Within these bounds.
    Integer(f64, f64),
    Number,
    /// Any text; or one of these.
    Text(Option<Vec<String>>),
    List(Box<Type>),
    /// A list of just these.
    Tuple(Vec<Type>),
    Object(Object),
    /// One of them.
    OneOf(Vec<Type>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    pub(super) fields: BTreeMap<String, Field>,
    /// What further fields are; `None`: there are none.
    pub(super) others: Option<Box<Type>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) ty: Type,
    pub(super) required: bool,
}

impl Type {
    pub(super) fn of(schema: &Value) -> Self {
        Reader { root: schema, parts: MAX_PARTS }.read(schema, 0)
    }

    pub(super) fn one_of(types: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for ty in types {
            match ty {
                Self::OneOf(inner) => all.extend(inner),
                ty => all.push(ty),
            }
        }
        if all.contains(&Self::Anything) {
            return Self::Anything;
        }
        all.dedup();
        match all.len() {
            1 => all.remove(0),
            _ => Self::OneOf(all),
        }
    }

    pub(super) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let fields =
            fields.into_iter().map(|(name, ty)| (name.to_owned(), Field { ty, required: true }));
        Self::Object(Object { fields: fields.collect(), others: None })
    }

    /// How a step that settles ends: with a value of this type, or an error.
    pub(super) fn settled(self) -> Self {
        Self::one_of([Self::object([("value", self)]), Self::object([("error", Self::Anything)])])
    }

    pub(super) fn is_optional(&self) -> bool {
        match self {
            Self::Anything | Self::Null => true,
            Self::OneOf(types) => types.iter().any(Self::is_optional),
            _ => false,
        }
    }

    /// The type at a path; or what is wrong with the path.
    pub(super) fn at(&self, path: &JsonPath) -> Result<Self, String> {
        path.segments().iter().try_fold(self.clone(), |ty, segment| ty.inner(segment))
    }

    fn inner(&self, segment: &Segment) -> Result<Self, String> {
        match (self, segment) {
            (Self::Anything, _) => Ok(Self::Anything),
            (Self::OneOf(types), _) => {
                let inner: Vec<_> = types.iter().map(|ty| ty.inner(segment)).collect();
                if inner.iter().all(Result::is_err)
                    && let Some(first) = inner.into_iter().find(Result::is_err)
                {
                    return first;
                }
                let types = types.iter().filter_map(|ty| ty.inner(segment).ok());
                Ok(Self::one_of(types))
            }
            (Self::Object(object), Segment::Name(name)) => match object.fields.get(name) {
                Some(field) => Ok(field.ty.clone()),
                None => object.others.as_deref().cloned().ok_or_else(|| {
                    let hint = did_you_mean(name, object.fields.keys().map(String::as_str));
                    format!("there is no `{name}` in {self}{hint}")
                }),
            },
            (Self::List(item), Segment::Index(_)) => Ok(Type::clone(item)),
            (Self::Tuple(items), Segment::Index(at)) => {
                items.get(*at).cloned().ok_or_else(|| format!("there is no [{at}] in {self}"))
            }
            (_, Segment::Name(name)) => Err(format!("there is no `{name}` in {self}")),
            (_, Segment::Index(index)) => Err(format!("there is no [{index}] in {self}")),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => f.write_str("anything"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("true or false"),
            Self::Integer(..) => f.write_str("a whole number"),
            Self::Number => f.write_str("a number"),
            Self::Text(None) => f.write_str("a text"),
            Self::Text(Some(values)) => {
                let values: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
                f.write_str(&values.join(" or "))
            }
            Self::List(item) if **item == Self::Anything => f.write_str("a list"),
            Self::List(item) => write!(f, "a list (of {item})"),
            Self::Tuple(items) => {
                let items: Vec<_> = items.iter().map(ToString::to_string).collect();
                write!(f, "a list of {}: {}", items.len(), items.join(", "))
            }
            Self::Object(Object { fields, .. }) if fields.is_empty() => f.write_str("a table"),
            Self::Object(Object { fields, .. }) => {
                let names: Vec<_> = fields.keys().map(|name| format!("`{name}`")).collect();
                write!(f, "a table with {}", names.join(", "))
            }
            Self::OneOf(types) => {
                let types: Vec<_> = types.iter().map(ToString::to_string).collect();
                f.write_str(&types.join(", or "))
            }
        }
    }
}

struct Reader<'a> {
    root: &'a Value,
    /// How many more parts are read.
    parts: usize,
}

impl Reader<'_> {
    fn read(&mut self, schema: &Value, depth: usize) -> Type {
        let Value::Object(schema) = schema else { return Type::Anything };
        if depth > MAX_DEPTH || self.parts == 0 {
            return Type::Anything;
        }
        self.parts -= 1;
        if let Some(Value::String(reference)) = schema.get("$ref") {
            let found = reference.strip_prefix('#').and_then(|way| self.root.pointer(way));
            return found.map_or(Type::Anything, |found| self.read(&found.clone(), depth + 1));
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return Type::one_of(values.iter().map(of_value));
        }
        if let Some(value) = schema.get("const") {
            return of_value(value);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(schemas)) = schema.get(key) {
                if schema.contains_key("properties") {
                    // A part of it is the same in each: too much to be told apart.
                    return Type::Anything;
                }
                let types = schemas.iter().map(|schema| self.read(schema, depth + 1));
                return Type::one_of(types.collect::<Vec<_>>());
            }
        }
        match schema.get("type") {
            Some(Value::String(name)) => self.named(name, schema, depth),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                Type::one_of(names.map(|name| self.named(name, schema, depth)).collect::<Vec<_>>())
            }
            _ => Type::Anything,
        }
    }

    fn named(&mut self, name: &str, schema: &Map<String, Value>, depth: usize) -> Type {
        match name {
            "null" => Type::Null,
            "boolean" => Type::Bool,
            "integer" => {
                let bound = |key| schema.get(key).and_then(Value::as_f64);
                let least = bound("minimum").unwrap_or(f64::NEG_INFINITY);
                Type::Integer(least, bound("maximum").unwrap_or_else(|| largest(schema)))
            }
            "number" => Type::Number,
            "string" => Type::Text(None),
            "array" => match schema.get("prefixItems") {
                Some(Value::Array(items)) => {
                    Type::Tuple(items.iter().map(|item| self.read(item, depth + 1)).collect())
                }
                _ => {
                    let item = schema.get("items").map(|item| self.read(item, depth + 1));
                    Type::List(Box::new(item.unwrap_or(Type::Anything)))
                }
            },
            "object" => self.object(schema, depth),
            _ => Type::Anything,
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Type {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
        };
        let mut fields = BTreeMap::new();
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, schema) in properties {
                let ty = self.read(schema, depth + 1);
                fields.insert(name.clone(), Field { ty, required: is_required(name) });
            }
        }
        let others = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(Box::new(self.read(schema, depth + 1))),
            // A struct reads no other fields; a map of anything says nothing.
            None if fields.is_empty() => Some(Box::new(Type::Anything)),
            None => None,
        };
        Type::Object(Object { fields, others })
    }
}

/// The bounds of Rust's numbers that schemas tell by their format only.
fn largest(schema: &Map<String, Value>) -> f64 {
    match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => f64::from(u32::MAX),
        Some("int32") => f64::from(i32::MAX),
        _ => f64::INFINITY,
    }
}

fn of_value(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Number(number) => match number.as_f64() {
            Some(number) if number.fract() == 0.0 => Type::Integer(number, number),
            _ => Type::Number,
        },
        Value::String(text) => Type::Text(Some(vec![text.clone()])),
        Value::Array(_) => Type::List(Box::new(Type::Anything)),
        Value::Object(_) => Type::Anything,
    }
}
