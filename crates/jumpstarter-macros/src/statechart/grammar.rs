//! What is written inside of `statechart!`, read as it stands. What it means is
//! found out in [`super::tree`] and [`super::transitions`].

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::token::Brace;
use syn::{Attribute, Ident, Path, Token, Visibility, braced};

pub(crate) struct Chart {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) extends: Option<Path>,
    pub(crate) body: Body,
}

#[derive(Default)]
pub(crate) struct Body {
    /// The states; those of an extension under the leaf that they refine.
    pub(crate) groups: Vec<Group>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) regions: Vec<Region>,
}

/// States side by side.
pub(crate) struct Group {
    /// The leaf of the extended chart; empty in a chart of its own.
    pub(crate) leaf: Vec<Ident>,
    pub(crate) rows: Vec<Row>,
}

/// States that are passed one after the other: `a >> b >> c`.
pub(crate) struct Row(pub(crate) Vec<State>);

pub(crate) struct State {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) initial: Option<Span>,
    pub(crate) name: Ident,
    pub(crate) inside: Vec<Row>,
}

pub(crate) struct Transition {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) trigger: Ident,
    pub(crate) sources: Vec<Source>,
    pub(crate) target: Vec<Ident>,
}

pub(crate) enum Source {
    /// `*`
    Every(Span),
    /// A state, with every one inside of it.
    State(Vec<Ident>),
    /// `path.self`: a state without those inside of it.
    Alone(Vec<Ident>),
}

pub(crate) struct Region {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) many: bool,
    pub(crate) name: Ident,
    pub(crate) body: Body,
}

impl Source {
    fn named(mut path: Vec<Ident>) -> Self {
        match path.pop_if(|last| last == "self") {
            Some(_) => Source::Alone(path),
            None => Source::State(path),
        }
    }
}

impl Parse for Chart {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = docs(input)?;
        let visibility = input.parse()?;
        let name: Ident = input.parse()?;
        let extends = match word(input, "extends") {
            true => {
                input.call(Ident::parse_any)?;
                Some(input.parse()?)
            }
            false => None,
        };
        let inside;
        braced!(inside in input);
        let body = body(&inside, extends.is_some())?;
        if !input.is_empty() {
            return Err(input.error("a chart ends with its closing brace"));
        }
        Ok(Chart { docs, visibility, name, extends, body })
    }
}

fn body(input: ParseStream<'_>, extends: bool) -> syn::Result<Body> {
    let mut body = Body::default();
    let mut rows = Vec::new();
    while !input.is_empty() {
        let docs = docs(input)?;
        if word(input, "on") && input.peek2(Ident::peek_any) {
            body.transitions.push(transition(docs, input)?);
        } else if word(input, "region") && input.peek2(Ident::peek_any) {
            body.regions.push(region(docs, input)?);
        } else if extends {
            if let Some(doc) = docs.first() {
                let message = "the leaf is documented where it is declared";
                return Err(syn::Error::new_spanned(doc, message));
            }
            body.groups.push(refined_leaf(input)?);
        } else {
            rows.extend(list(docs, input)?);
            if input.parse::<Option<Token![;]>>()?.is_none() {
                return Err(input.error("expected `>>`, `,` or `;` after a state"));
            }
        }
    }
    if !extends {
        body.groups.push(Group { leaf: Vec::new(), rows });
    }
    Ok(body)
}

/// `on trigger: sources => target;`
fn transition(docs: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<Transition> {
    input.call(Ident::parse_any)?;
    let trigger = input.parse()?;
    input.parse::<Token![:]>()?;
    let mut sources = Vec::new();
    loop {
        if let Some(star) = input.parse::<Option<Token![*]>>()? {
            sources.push(Source::Every(star.span));
        } else {
            sources.extend(paths(input)?.into_iter().map(Source::named));
        }
        if input.parse::<Option<Token![,]>>()?.is_none() || input.peek(Token![=>]) {
            break;
        }
    }
    input.parse::<Token![=>]>()?;
    let begin = input.span();
    let mut targets = paths(input)?;
    let target = match targets.len() {
        1 => targets.remove(0),
        _ => return Err(syn::Error::new(begin, "a transition leads to one state")),
    };
    end_of_statement(input)?;
    Ok(Transition { docs, trigger, sources, target })
}

/// `region [many] name { … }`
fn region(docs: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<Region> {
    input.call(Ident::parse_any)?;
    let many = word(input, "many") && input.peek2(Ident::peek_any);
    if many {
        input.call(Ident::parse_any)?;
    }
    let name = input.parse()?;
    let inside;
    braced!(inside in input);
    let body = body(&inside, false)?;
    if let Some(inner) = body.regions.first() {
        return Err(syn::Error::new(inner.name.span(), "a region has no regions of its own"));
    }
    Ok(Region { docs, many, name, body })
}

/// `path.to.leaf { … };`
fn refined_leaf(input: ParseStream<'_>) -> syn::Result<Group> {
    let leaf = input.call(dotted)?;
    let inside;
    braced!(inside in input);
    let rows = list(docs(&inside)?, &inside)?;
    if !inside.is_empty() {
        return Err(inside.error("expected `,`, `>>` or the end of the states"));
    }
    end_of_statement(input)?;
    Ok(Group { leaf, rows })
}

/// Rows, separated by commas; docs stand before a state or before its `>>`. The attributes of the first state are read already.
fn list(first: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut attributes = Some(first);
    while !input.is_empty() && !input.peek(Token![;]) {
        let known = attributes.take().map_or_else(|| docs(input), Ok)?;
        let mut states = vec![state(known, input)?];
        loop {
            let mut known = docs(input)?;
            if input.parse::<Option<Token![>>]>>()?.is_none() {
                match known.first() {
                    None => break,
                    Some(_) => return Err(input.error("expected `>>`, `,` or `;` before this")),
                }
            }
            known.extend(docs(input)?);
            states.push(state(known, input)?);
        }
        rows.push(Row(states));
        if input.parse::<Option<Token![,]>>()?.is_none() {
            break;
        }
    }
    Ok(rows)
}

/// `[initial] name [{ … }]`
fn state(docs: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<State> {
    let marked = word(input, "initial") && input.peek2(Ident::peek_any);
    let initial = match marked {
        true => Some(input.call(Ident::parse_any)?.span()),
        false => None,
    };
    let name = input.parse()?;
    let mut inside = Vec::new();
    if input.peek(Brace) {
        let content;
        let brace = braced!(content in input);
        inside = list(self::docs(&content)?, &content)?;
        if !content.is_empty() {
            return Err(content.error("expected `,`, `>>` or the end of the sub-states"));
        }
        if inside.is_empty() {
            let message = "there is no sub-state in these braces; leave them out";
            return Err(syn::Error::new(brace.span.join(), message));
        }
    }
    Ok(State { docs, initial, name, inside })
}

/// `a.b.{c, d.e, self}`: every path that this means.
fn paths(input: ParseStream<'_>) -> syn::Result<Vec<Vec<Ident>>> {
    let mut begin = Vec::new();
    loop {
        if input.peek(Brace) {
            let inside;
            braced!(inside in input);
            let ends = inside.parse_terminated(paths, Token![,])?;
            let whole = |end: Vec<Ident>| begin.iter().cloned().chain(end).collect();
            return Ok(ends.into_iter().flatten().map(whole).collect());
        }
        if input.peek(Token![self]) {
            begin.push(input.call(Ident::parse_any)?);
            return Ok(vec![begin]);
        }
        begin.push(input.parse()?);
        if input.parse::<Option<Token![.]>>()?.is_none() {
            return Ok(vec![begin]);
        }
    }
}

/// `a.b.c`
pub(crate) fn dotted(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let mut parts = vec![input.parse()?];
    while input.parse::<Option<Token![.]>>()?.is_some() {
        parts.push(input.parse()?);
    }
    Ok(parts)
}

fn docs(input: ParseStream<'_>) -> syn::Result<Vec<Attribute>> {
    let attributes = input.call(Attribute::parse_outer)?;
    match attributes.iter().find(|attribute| !attribute.path().is_ident("doc")) {
        None => Ok(attributes),
        Some(other) => Err(syn::Error::new_spanned(other, "only doc comments can stand here")),
    }
}

fn end_of_statement(input: ParseStream<'_>) -> syn::Result<()> {
    match input.parse::<Option<Token![;]>>()? {
        Some(_) => Ok(()),
        None => Err(input.error("expected `;`")),
    }
}

/// Whether this word comes next; words of the language of charts are names, too.
fn word(input: ParseStream<'_>, expected: &str) -> bool {
    let ahead = input.fork();
    ahead.call(Ident::parse_any).is_ok_and(|found| found == expected)
}
