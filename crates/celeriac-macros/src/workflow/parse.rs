//! The input of `workflow!` as a tree.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitInt, LitStr, Path, Result, Token, braced, bracketed, token};

/// What the whole has beside steps.
const KEYS: [&str; 7] = ["name", "version", "on_error", "queue", "link", "link_error", "step"];
/// What a step has.
const STEP_KEYS: [&str; 19] = [
    "needs",
    "args",
    "foreach",
    "when",
    "on_error",
    "immutable",
    "link",
    "link_error",
    "queue",
    "priority",
    "countdown",
    "expires",
    "time_limit",
    "soft_time_limit",
    "result_ttl",
    "retry",
    "headers",
    "sinks",
    "concurrency_token",
];

pub(super) struct Workflow {
    pub(super) name: LitStr,
    pub(super) version: LitInt,
    pub(super) entries: Vec<Entry>,
    pub(super) steps: Vec<Step>,
}

pub(super) struct Step {
    pub(super) id: Ident,
    pub(super) task: Task,
    pub(super) entries: Vec<Entry>,
}

/// A task of this program, or a name.
pub(super) enum Task {
    Path(Path),
    Name(LitStr),
}

pub(super) struct Entry {
    pub(super) key: Ident,
    pub(super) value: Value,
}

pub(super) enum Value {
    List(Span, Vec<Value>),
    Table(Span, Vec<Entry>),
    Expr(Expr),
}

impl Value {
    pub(super) fn span(&self) -> Span {
        match self {
            Self::List(span, _) | Self::Table(span, _) => *span,
            Self::Expr(expr) => syn::spanned::Spanned::span(expr),
        }
    }
}

impl Parse for Workflow {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version) = (None, None);
        let (mut entries, mut steps) = (Vec::new(), Vec::new());
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "step" => steps.push(input.parse()?),
                "name" => {
                    input.parse::<Token![:]>()?;
                    once(&mut name, input.parse()?, &key)?;
                }
                "version" => {
                    input.parse::<Token![:]>()?;
                    once(&mut version, input.parse()?, &key)?;
                }
                known => {
                    is_known(&key, known, &KEYS)?;
                    input.parse::<Token![:]>()?;
                    entries.push(Entry { key, value: input.parse()? });
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = |what| Error::new(Span::call_site(), what);
        let name = name.ok_or_else(|| missing("add `name: \"…\"`: what the workflow is called"))?;
        let version =
            version.ok_or_else(|| missing("add `version: 1`: another is another workflow"))?;
        if steps.is_empty() {
            return Err(missing("no step is here; add `step id: task { … }`"));
        }
        Ok(Self { name, version, entries, steps })
    }
}

fn once<T>(place: &mut Option<T>, value: T, key: &Ident) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(key.span(), format!("`{key}` is given twice; keep one"))),
    }
}

fn is_known(key: &Ident, name: &str, keys: &[&str]) -> Result<()> {
    if keys.contains(&name) {
        return Ok(());
    }
    let hint = match super::graph::nearest(name, keys.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", keys.join(", ")),
    };
    Err(Error::new(key.span(), format!("`{name}` is no key here; {hint}")))
}

impl Parse for Step {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let id: Ident = input.parse()?;
        input.parse::<Token![:]>()?;
        let task = if input.peek(LitStr) {
            Task::Name(input.parse()?)
        } else {
            Task::Path(input.call(Path::parse_mod_style)?)
        };
        let mut entries: Vec<Entry> = Vec::new();
        if input.peek(token::Brace) {
            entries = table(input)?.1;
        }
        for (at, Entry { key, .. }) in entries.iter().enumerate() {
            is_known(key, &key.to_string(), &STEP_KEYS)?;
            if entries[..at].iter().any(|before| before.key == *key) {
                return Err(Error::new(key.span(), format!("`{key}` is given twice; keep one")));
            }
        }
        Ok(Self { id, task, entries })
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(syn::ext::IdentExt::parse_any)?;
        input.parse::<Token![:]>()?;
        Ok(Self { key, value: input.parse()? })
    }
}

fn table(input: ParseStream<'_>) -> Result<(Span, Vec<Entry>)> {
    let content;
    let brace = braced!(content in input);
    let entries = Punctuated::<Entry, Token![,]>::parse_terminated(&content)?;
    Ok((brace.span.join(), entries.into_iter().collect()))
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(token::Bracket) {
            let content;
            let bracket = bracketed!(content in input);
            let items = Punctuated::<Self, Token![,]>::parse_terminated(&content)?;
            return Ok(Self::List(bracket.span.join(), items.into_iter().collect()));
        }
        if input.peek(token::Brace) {
            let (span, entries) = table(input)?;
            return Ok(Self::Table(span, entries));
        }
        input.parse().map(Self::Expr)
    }
}
