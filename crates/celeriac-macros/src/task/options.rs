//! The options of `#[celeriac::task(...)]`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Meta, Result, Token};

use super::Mistakes;
use crate::value;

const ALLOWED: &str = "name, queue, priority, retry, soft_time_limit, time_limit, expires, \
                       result_ttl, ignore_result, concurrency, sinks, breaker";

/// What the attribute says; what it does not say stays at its default.
#[derive(Default)]
pub(super) struct Options {
    pub(super) name: Option<LitStr>,
    queue: Option<LitStr>,
    priority: Option<u32>,
    retry: Option<Retry>,
    soft_time_limit: Option<Duration>,
    time_limit: Option<Duration>,
    expires: Option<Duration>,
    result_ttl: Option<Duration>,
    ignore_result: Option<bool>,
    concurrency: Option<u32>,
    sinks: Option<Vec<LitStr>>,
    breaker: Option<Breaker>,
}

enum Breaker {
    Off,
    On { failures: Option<u32>, open_for: Option<Duration> },
}

enum Retry {
    Never,
    Policy { max_attempts: u32, initial: Duration, cap: Duration },
}

impl Options {
    pub(super) fn parse(attribute: TokenStream) -> Result<Self> {
        let given = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(attribute)?;
        let (mut options, mut mistakes) = (Self::default(), Mistakes::default());
        for meta in &given {
            mistakes.collect(options.set(meta));
        }
        if let (Some(soft), Some(hard)) = (options.soft_time_limit, options.time_limit)
            && soft >= hard
        {
            let message = "`soft_time_limit` asks a run to stop before `time_limit` ends it: \
                           make it the shorter one";
            mistakes.add(Error::new(span_of(&given, "soft_time_limit"), message));
        }
        mistakes.none_or(options)
    }

    fn set(&mut self, meta: &Meta) -> Result<()> {
        match value::option(meta).as_str() {
            "name" => once(&mut self.name, meta, value::name),
            "queue" => once(&mut self.queue, meta, value::name),
            "priority" => once(&mut self.priority, meta, |meta| value::number(meta, 0, 9)),
            "retry" => once(&mut self.retry, meta, retry),
            "soft_time_limit" => once(&mut self.soft_time_limit, meta, value::duration),
            "time_limit" => once(&mut self.time_limit, meta, value::duration),
            "expires" => once(&mut self.expires, meta, value::duration),
            "result_ttl" => once(&mut self.result_ttl, meta, value::duration),
            "ignore_result" => once(&mut self.ignore_result, meta, value::switch),
            "sinks" => once(&mut self.sinks, meta, value::names),
            "breaker" => once(&mut self.breaker, meta, breaker),
            "concurrency" => {
                once(&mut self.concurrency, meta, |meta| value::number(meta, 1, u32::MAX))
            }
            unknown => {
                let message = format!("there is no option `{unknown}`; there are {ALLOWED}");
                Err(Error::new_spanned(meta.path(), message))
            }
        }
    }
}

fn once<T>(
    place: &mut Option<T>,
    meta: &Meta,
    read: impl FnOnce(&Meta) -> Result<T>,
) -> Result<()> {
    match place.replace(read(meta)?) {
        None => Ok(()),
        Some(_) => {
            let message = format!("`{}` is given twice; keep one", value::option(meta));
            Err(Error::new_spanned(meta.path(), message))
        }
    }
}

fn span_of(given: &Punctuated<Meta, Token![,]>, option: &str) -> Span {
    let meta = given.iter().find(|meta| meta.path().is_ident(option));
    meta.map_or_else(Span::call_site, |meta| meta.span())
}

fn retry(meta: &Meta) -> Result<Retry> {
    let expected = "`retry` is `retry(max = 10, backoff = \"1s..2m\")`, or `retry = false`";
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Bool(switch), .. }) if !switch.value => Ok(Retry::Never),
            other => Err(Error::new_spanned(other, expected)),
        },
        Meta::Path(path) => Err(Error::new_spanned(path, expected)),
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
            if parts.is_empty() {
                return Err(Error::new_spanned(list, expected));
            }
            policy(&parts)
        }
    }
}

fn breaker(meta: &Meta) -> Result<Breaker> {
    let expected = "`breaker` is `breaker(failures = 5, open_for = \"1m\")`, or `breaker = false`";
    let parts = match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Bool(switch), .. }) if !switch.value => {
                return Ok(Breaker::Off);
            }
            other => return Err(Error::new_spanned(other, expected)),
        },
        Meta::Path(path) => return Err(Error::new_spanned(path, expected)),
        Meta::List(list) => {
            list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?
        }
    };
    let (mut failures, mut open_for, mut mistakes) = (None, None, Mistakes::default());
    for part in &parts {
        mistakes.collect(match value::option(part).as_str() {
            "failures" => once(&mut failures, part, |part| value::number(part, 1, u32::MAX)),
            "open_for" => once(&mut open_for, part, value::duration),
            _ => {
                let message =
                    "`breaker` has `failures` (how many messages) and `open_for` (\"30s\")";
                Err(Error::new_spanned(part.path(), message))
            }
        });
    }
    mistakes.none_or(Breaker::On { failures, open_for })
}

/// What a policy does not say is as in `RetryPolicy::default()`.
fn policy(parts: &Punctuated<Meta, Token![,]>) -> Result<Retry> {
    let (mut max, mut backoff, mut mistakes) = (None, None, Mistakes::default());
    for part in parts {
        mistakes.collect(match value::option(part).as_str() {
            "max" => once(&mut max, part, |part| value::number(part, 1, u32::MAX)),
            "backoff" => once(&mut backoff, part, value::durations),
            _ => {
                let message = "`retry` has `max` (attempts in all) and `backoff` (\"1s..2m\")";
                Err(Error::new_spanned(part.path(), message))
            }
        });
    }
    let (initial, cap) = backoff.unwrap_or((Duration::from_secs(1), Duration::from_secs(120)));
    mistakes.none_or(Retry::Policy { max_attempts: max.unwrap_or(5), initial, cap })
}

impl ToTokens for Options {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let queue = self.queue.as_ref().map(|queue| quote!(queue: #queue,));
        let priority = self.priority.map(|number| {
            let number = proc_macro2::Literal::u32_unsuffixed(number);
            quote!(priority: #number,)
        });
        let retry = self.retry.as_ref().map(|retry| quote!(retry: #retry,));
        let soft_time_limit = field(quote!(soft_time_limit), self.soft_time_limit);
        let time_limit = field(quote!(time_limit), self.time_limit);
        let expires = field(quote!(expires), self.expires);
        let result_ttl = field(quote!(result_ttl), self.result_ttl);
        let ignore_result = self.ignore_result.map(|switch| quote!(ignore_result: #switch,));
        let concurrency = self.concurrency.map(|number| {
            let number = proc_macro2::Literal::u32_unsuffixed(number);
            quote!(concurrency: ::core::option::Option::Some(#number),)
        });
        let breaker = self.breaker.as_ref().map(|breaker| quote!(breaker: #breaker,));
        let sinks = self.sinks.as_ref().map(|names| quote!(sinks: &[#(#names),*],));
        tokens.extend(quote! {
            ::celeriac::TaskOptions {
                #queue #priority #retry #soft_time_limit #time_limit #expires #result_ttl
                #ignore_result #concurrency #sinks #breaker
                ..::celeriac::TaskOptions::DEFAULT
            }
        });
    }
}

fn field(name: TokenStream, duration: Option<Duration>) -> Option<TokenStream> {
    let duration = literal(duration?);
    Some(quote!(#name: ::core::option::Option::Some(#duration),))
}

/// A duration as a constant. `value` lets none pass that is too long.
fn literal(duration: Duration) -> TokenStream {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_millis(#millis))
}

impl ToTokens for Breaker {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Off => quote!(::celeriac::TaskBreaker::OFF),
            Self::On { failures, open_for } => {
                let failures = failures.map(|number| {
                    let number = proc_macro2::Literal::u32_unsuffixed(number);
                    quote!(failures: ::core::option::Option::Some(#number),)
                });
                let open_for = field(quote!(open_for), *open_for);
                quote! {
                    ::celeriac::TaskBreaker {
                        is_on: ::core::option::Option::Some(true),
                        #failures #open_for
                        ..::celeriac::TaskBreaker::DEFAULT
                    }
                }
            }
        });
    }
}

impl ToTokens for Retry {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let policy = match self {
            Self::Never => quote!(::celeriac::RetryPolicy::NEVER),
            Self::Policy { max_attempts, initial, cap } => {
                let (initial, cap) = (literal(*initial), literal(*cap));
                quote! {
                    ::celeriac::RetryPolicy {
                        max_attempts: #max_attempts,
                        initial: #initial,
                        cap: #cap,
                    }
                }
            }
        };
        tokens.extend(quote!(::core::option::Option::Some(#policy)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(attribute: TokenStream) -> String {
        match Options::parse(attribute) {
            Ok(options) => options.to_token_stream().to_string().replace(' ', ""),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_not_said_stays_at_its_default() {
        assert_eq!(read(quote!()), "::celeriac::TaskOptions{..::celeriac::TaskOptions::DEFAULT}");
        let options = read(quote!(queue = "mail", priority = 7, concurrency = 4, ignore_result));
        let expected = "queue:\"mail\",priority:7,ignore_result:true,\
                        concurrency:::core::option::Option::Some(4),..";
        assert!(options.contains(expected), "{options}");
    }

    #[test]
    fn durations_become_constants() {
        let options = read(quote!(time_limit = "30s", soft_time_limit = "1500ms"));
        assert!(options.contains("from_millis(30000u64)"), "{options}");
        assert!(options.contains("from_millis(1500u64)"), "{options}");
    }

    #[test]
    fn retry_is_a_policy_or_false() {
        let options = read(quote!(retry(max = 10, backoff = "1s..3m")));
        assert!(options.contains("max_attempts:10u32"), "{options}");
        assert!(options.contains("cap:::core::time::Duration::from_millis(180000u64)"));
        assert!(read(quote!(retry = false)).contains("RetryPolicy::NEVER"));
        for wrong in [quote!(retry), quote!(retry = true), quote!(retry())] {
            assert!(read(wrong.clone()).contains("or `retry = false`"), "{wrong}");
        }
        assert!(read(quote!(retry(times = 3))).contains("`retry` has `max`"));
        assert!(read(quote!(retry(max = 0))).contains("at least 1"));
    }

    #[test]
    fn a_breaker_is_set_or_off() {
        assert!(read(quote!(breaker = false)).contains("breaker:::celeriac::TaskBreaker::OFF"));
        let options = read(quote!(breaker(failures = 5, open_for = "1m")));
        assert!(options.contains("failures:::core::option::Option::Some(5)"), "{options}");
        assert!(options.contains("from_millis(60000u64)"), "{options}");
        assert!(read(quote!(breaker = true)).contains("or `breaker = false`"));
        assert!(read(quote!(breaker(trips = 3))).contains("`breaker` has `failures`"));
    }

    #[test]
    fn unknown_and_repeated_options_are_told() {
        assert!(read(quote!(qeue = "mail")).contains("no option `qeue`; there are name, queue"));
        assert!(read(quote!(queue = "a", queue = "b")).contains("`queue` is given twice"));
        assert!(read(quote!(soft_time_limit = "2s", time_limit = "1s")).contains("shorter"));
    }
}
