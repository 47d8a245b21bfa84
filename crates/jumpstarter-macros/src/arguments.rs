//! The arguments of the attributes inside of an actor's impl.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, LitInt, LitStr, Meta, Path};

use crate::bound::Otherwise;
use crate::duration::Millis;
use crate::statechart::grammar;
use crate::statechart::tree::snake;

/// `#[actor(…)]`
#[derive(Default)]
pub(crate) struct ActorArguments {
    /// The chart that extends the lifecycle.
    pub(crate) chart: Option<Path>,
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
    pub(crate) every: Option<Millis>,
    pub(crate) jitter: Option<Millis>,
    pub(crate) retries: Option<u32>,
    pub(crate) backoff: Option<Millis>,
}

/// `#[resource(…)]`
#[derive(Default)]
pub(crate) struct ResourceArguments {
    pub(crate) timeout: Option<Millis>,
    pub(crate) optional: bool,
}

impl ActorArguments {
    pub(crate) fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = ActorArguments::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("chart") {
                arguments.chart = Some(meta.value()?.parse()?);
                return Ok(());
            }
            Err(meta.error("`#[actor]` knows `chart` only"))
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
            } else if meta.path.is_ident("backoff") {
                arguments.backoff = Some(duration(&meta)?);
            } else if meta.path.is_ident("retries") {
                arguments.retries = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
            } else {
                let known = "`concurrent`, `every`, `jitter`, `retries` and `backoff`";
                return Err(meta.error(format!("a task knows {known} only")));
            }
            Ok(())
        })?;
        if arguments.every.is_some_and(|every| every.0 == 0) {
            let message =
                "a period is longer than nothing; leave `every` out for a task without one";
            return Err(syn::Error::new_spanned(attribute, message));
        }
        Ok(arguments)
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

/// The name in `#[release(name)]`.
pub(crate) fn released_resource(attribute: &Attribute) -> syn::Result<Ident> {
    attribute.parse_args().map_err(|error| {
        syn::Error::new(error.span(), "name the resource's function: `#[release(name)]`")
    })
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

fn duration(meta: &ParseNestedMeta<'_>) -> syn::Result<Millis> {
    Millis::read(&meta.value()?.parse::<LitStr>()?)
}
