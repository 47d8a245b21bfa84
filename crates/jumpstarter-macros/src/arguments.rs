//! The arguments of the attributes inside of an actor's impl.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, LitInt, LitStr, Meta, Path, Token, Type, parenthesized};

use crate::bound::Otherwise;
use crate::duration::Millis;
use crate::statechart::grammar;
use crate::statechart::tree::snake;

/// `#[actor(…)]`
#[derive(Default)]
pub(crate) struct ActorArguments {
    /// The chart that extends the lifecycle.
    pub(crate) chart: Option<Path>,
    /// The types that the actor publishes.
    pub(crate) streams: Vec<Type>,
}

/// `#[handler(…)]`
#[derive(Default)]
pub(crate) struct HandlerArguments {
    pub(crate) crash_on_error: bool,
    /// The states it is bound to; none for any.
    pub(crate) states: Vec<Vec<Ident>>,
    pub(crate) otherwise: Option<Otherwise>,
}

/// `#[task(…)]`
#[derive(Default)]
pub(crate) struct TaskArguments {
    pub(crate) concurrent: bool,
    pub(crate) blocking: bool,
    pub(crate) every: Option<Millis>,
    pub(crate) missed: Option<Missed>,
    pub(crate) kind: Option<Expr>,
    pub(crate) jitter: Option<Millis>,
    pub(crate) retries: Option<u32>,
    pub(crate) backoff: Option<Millis>,
    pub(crate) backoff_max: Option<Millis>,
}

/// `missed = "…"`
#[derive(Clone, Copy)]
pub(crate) enum Missed {
    Skip,
    Delay,
    CatchUp,
}

/// `#[resource(…)]`
#[derive(Default)]
pub(crate) struct ResourceArguments {
    pub(crate) timeout: Option<Millis>,
    pub(crate) optional: bool,
}

/// `#[release(name, …)]`
pub(crate) struct ReleaseArguments {
    pub(crate) resource: Ident,
    pub(crate) timeout: Option<Millis>,
}

impl ActorArguments {
    pub(crate) fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = ActorArguments::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("chart") {
                arguments.chart = Some(meta.value()?.parse()?);
                return Ok(());
            }
            if meta.path.is_ident("streams") {
                let list;
                parenthesized!(list in meta.input);
                let items = Punctuated::<Type, Token![,]>::parse_terminated(&list)?;
                arguments.streams.extend(items);
                return Ok(());
            }
            Err(meta.error("`#[actor]` knows `chart = C` and `streams(A, B)` only"))
        });
        syn::parse::Parser::parse2(parser, input.parse()?)?;
        Ok(arguments)
    }

    /// The module with the names of the states and triggers.
    pub(crate) fn names(&self) -> TokenStream {
        let Some(chart) = &self.chart else {
            return quote!(::jumpstarter::lifecycle);
        };
        let mut module = chart.clone();
        if let Some(last) = module.segments.last_mut() {
            last.ident = format_ident!("{}", snake(&last.ident.to_string()));
        }
        quote!(#module)
    }
}

impl HandlerArguments {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let mut arguments = HandlerArguments::default();
        each(attribute, |meta| {
            if meta.path.is_ident("crash_on_error") {
                arguments.crash_on_error = true;
            } else if meta.path.is_ident("in") {
                arguments.states = grammar::paths(meta.value()?)?;
            } else if meta.path.is_ident("otherwise") {
                arguments.otherwise = Some(otherwise(&meta.value()?.parse()?)?);
            } else {
                let known = "`crash_on_error`, `in` and `otherwise`";
                return Err(meta.error(format!("a handler knows {known} only")));
            }
            Ok(())
        })?;
        if arguments.otherwise.is_some() && arguments.states.is_empty() {
            let message = "`otherwise` is for handlers that are bound to states: `in = …`";
            return Err(syn::Error::new_spanned(attribute, message));
        }
        Ok(arguments)
    }
}

impl TaskArguments {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let mut arguments = TaskArguments::default();
        each(attribute, |meta| {
            if meta.path.is_ident("concurrent") {
                arguments.concurrent = true;
            } else if meta.path.is_ident("every") {
                arguments.every = Some(duration(&meta)?);
            } else if meta.path.is_ident("jitter") {
                arguments.jitter = Some(duration(&meta)?);
            } else if meta.path.is_ident("blocking") {
                arguments.blocking = true;
            } else if meta.path.is_ident("missed") {
                arguments.missed = Some(missed(&meta)?);
            } else if meta.path.is_ident("kind") {
                arguments.kind = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("backoff") {
                arguments.backoff = Some(duration(&meta)?);
            } else if meta.path.is_ident("backoff_max") {
                arguments.backoff_max = Some(duration(&meta)?);
            } else if meta.path.is_ident("retries") {
                arguments.retries = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
            } else {
                let known = "`concurrent`, `blocking`, `every`, `missed`, `kind`, `jitter`, \
                             `retries`, `backoff` and `backoff_max`";
                return Err(meta.error(format!("a task knows {known} only")));
            }
            Ok(())
        })?;
        if arguments.every.is_some_and(|every| every.0 == 0) {
            let message =
                "a period is longer than nothing; leave `every` out for a task without one";
            return Err(syn::Error::new_spanned(attribute, message));
        }
        let refused = if arguments.kind.is_some() && arguments.every.is_some() {
            "a task has a `kind` of its own or is periodic by `every`, not both"
        } else if arguments.missed.is_some() && arguments.every.is_none() {
            "only a task with a period, `every`, can miss turns"
        } else if arguments.blocking && arguments.concurrent {
            "a blocking task without `self` is concurrent anyway; leave `concurrent` out"
        } else {
            return Ok(arguments);
        };
        Err(syn::Error::new_spanned(attribute, refused))
    }
}

impl ResourceArguments {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let mut arguments = ResourceArguments::default();
        each(attribute, |meta| {
            if meta.path.is_ident("optional") {
                arguments.optional = true;
            } else if meta.path.is_ident("timeout") {
                arguments.timeout = Some(duration(&meta)?);
            } else {
                return Err(meta.error("a resource knows `timeout` and `optional` only"));
            }
            Ok(())
        })?;
        Ok(arguments)
    }
}

fn otherwise(literal: &LitStr) -> syn::Result<Otherwise> {
    match literal.value().as_str() {
        "stash" => Ok(Otherwise::Stash),
        "dead_letter" => Ok(Otherwise::DeadLetter),
        _ => Err(syn::Error::new(literal.span(), "expected \"stash\" or \"dead_letter\"")),
    }
}

impl ReleaseArguments {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        attribute.parse_args_with(|input: ParseStream<'_>| {
            let named = input.parse::<Ident>();
            let resource = named.map_err(|error| {
                syn::Error::new(error.span(), "name the resource's function: `#[release(name)]`")
            })?;
            let mut arguments = ReleaseArguments { resource, timeout: None };
            if input.is_empty() {
                return Ok(arguments);
            }
            input.parse::<Token![,]>()?;
            let rest = syn::meta::parser(|meta| {
                if !meta.path.is_ident("timeout") {
                    let known =
                        "a release knows `timeout` only: `#[release(name, timeout = \"5s\")]`";
                    return Err(meta.error(known));
                }
                arguments.timeout = Some(duration(&meta)?);
                Ok(())
            });
            syn::parse::Parser::parse2(rest, input.parse()?)?;
            Ok(arguments)
        })
    }
}

/// Refuses any argument.
pub(crate) fn none(attribute: &Attribute) -> syn::Result<()> {
    each(attribute, |meta| Err(meta.error("this attribute takes no arguments")))
}

fn each(
    attribute: &Attribute,
    logic: impl FnMut(ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    match &attribute.meta {
        Meta::Path(_) => Ok(()),
        _ => attribute.parse_nested_meta(logic),
    }
}

fn missed(meta: &ParseNestedMeta<'_>) -> syn::Result<Missed> {
    let literal: LitStr = meta.value()?.parse()?;
    match literal.value().as_str() {
        "skip" => Ok(Missed::Skip),
        "delay" => Ok(Missed::Delay),
        "catch_up" => Ok(Missed::CatchUp),
        _ => {
            let message = "missed turns are dealt with by \"skip\", \"delay\" or \"catch_up\"";
            Err(syn::Error::new(literal.span(), message))
        }
    }
}

fn duration(meta: &ParseNestedMeta<'_>) -> syn::Result<Millis> {
    Millis::read(&meta.value()?.parse::<LitStr>()?)
}
