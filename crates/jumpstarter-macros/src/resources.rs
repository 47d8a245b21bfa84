//! Dependencies, resources and their release.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use crate::declaration::{Declaration, Release, Resource};

/// `fn dependencies`
pub(crate) fn dependencies(declaration: &Declaration) -> Option<TokenStream> {
    if declaration.dependencies.is_empty() {
        return None;
    }
    let calls = declaration.dependencies.iter().map(|callable| {
        let cfgs = &callable.cfgs;
        let call = callable.call(&quote!(self));
        quote! { #(#cfgs)* wanted.add(#call); }
    });
    Some(quote! {
        fn dependencies(&self, wanted: &mut ::jumpstarter::written::Dependencies<'_>) {
            let injector = ::core::clone::Clone::clone(wanted.injector());
            #(#calls)*
        }
    })
}

/// `fn acquire`: the sync ones that take `&self` one after the other on the pool,
/// with the actor on loan, then all others at the same time; kept in the order of
/// declaration.
pub(crate) fn acquire(declaration: &Declaration) -> Option<TokenStream> {
    if declaration.resources.is_empty() {
        return None;
    }
    let outcomes: Vec<_> =
        (0..declaration.resources.len()).map(|index| format_ident!("outcome_{index}")).collect();
    let indexed = || declaration.resources.iter().zip(&outcomes);
    let on_pool = indexed().filter(|(it, _)| it.borrows()).map(|(resource, outcome)| {
        let (name, limit) = (resource.name(), resource.limit());
        let call = resource.callable.bare_call(&quote!(actor));
        quote_spanned! {resource.callable.span=>
            let #outcome = {
                let injector = acquisition.injector();
                let work = move |actor: &mut Self| #call;
                let (back, outcome) = acquisition.on_pool(#name, #limit, this, work).await;
                match (back, outcome) {
                    (::core::option::Option::Some(back), outcome) => {
                        this = back;
                        outcome
                    }
                    (::core::option::Option::None, ::core::result::Result::Ok(_)) => {
                        return (::core::option::Option::None, ::core::result::Result::Ok(()));
                    }
                    (::core::option::Option::None, ::core::result::Result::Err(error)) => {
                        return (::core::option::Option::None, ::core::result::Result::Err(error));
                    }
                }
            };
        }
    });
    let at_once: Vec<_> = indexed().filter(|(it, _)| !it.borrows()).collect();
    let pattern =
        at_once.iter().rev().fold(quote!(()), |rest, (_, outcome)| quote!((#outcome, #rest)));
    let joined = at_once.iter().rev().fold(quote!(async {}), |rest, (resource, _)| {
        let (name, limit) = (resource.name(), resource.limit());
        let call = resource.callable.bare_call(&quote!(&this));
        let acquiring = match resource.callable.is_async {
            true => quote!(::jumpstarter::written::acquire_within(#name, #limit, #call)),
            false => quote! {
                ::jumpstarter::written::acquire_on_pool(
                    #name,
                    #limit,
                    ::core::clone::Clone::clone(&injector),
                    move |injector| #call,
                )
            },
        };
        quote!(::jumpstarter::written::join(#acquiring, #rest))
    });
    let kept = indexed().map(|(resource, outcome)| {
        let (name, requirement) = (resource.name(), resource.requirement());
        quote! { acquisition.keep(#name, #requirement, #outcome, &mut step); }
    });
    Some(quote! {
        async fn acquire(
            self,
            acquisition: &mut ::jumpstarter::written::Acquisition<'_>,
        ) -> (::core::option::Option<Self>, ::jumpstarter::written::StartStep) {
            let mut this = self;
            let mut step = ::core::result::Result::Ok(());
            #(#on_pool)*
            let injector = acquisition.injector();
            let #pattern = #joined.await;
            #(#kept)*
            (::core::option::Option::Some(this), step)
        }
    })
}

/// `fn release`
pub(crate) fn release(declaration: &Declaration) -> Option<TokenStream> {
    if declaration.releases.is_empty() {
        return None;
    }
    let arms = declaration.releases.iter().filter_map(|Release { callable, arguments }| {
        let name = &arguments.resource;
        let resource = declaration.resources.iter().find(|it| it.callable.name == *name)?;
        let name = resource.name();
        let acquired = resource.callable.output();
        let released = match callable.is_async || callable.has_receiver {
            true => callable.call(&quote!(self)),
            false => {
                let call = callable.bare_call(&quote!(self));
                quote! {
                    ::jumpstarter::written::note_release(
                        #name,
                        system.blocking(move || { #call; }).await,
                    )
                }
            }
        };
        Some(quote! {
            #name => {
                let system = resource.system();
                let value = resource
                    .into_value::<<#acquired as ::jumpstarter::written::ResourceOutcome>::Value>();
                if let ::core::option::Option::Some(value) = value {
                    #released;
                }
            }
        })
    });
    let timeouts = release_timeouts(declaration);
    Some(quote! {
        #timeouts

        async fn release(&mut self, resource: ::jumpstarter::written::Release) {
            match resource.name() {
                #(#arms)*
                _ => {}
            }
        }
    })
}

/// `fn release_timeout`
fn release_timeouts(declaration: &Declaration) -> Option<TokenStream> {
    let arms = declaration.releases.iter().filter_map(|Release { arguments, .. }| {
        let (name, limit) = (arguments.resource.to_string(), arguments.timeout?.expression());
        Some(quote!(#name => #limit,))
    });
    let arms: Vec<_> = arms.collect();
    (!arms.is_empty()).then(|| {
        quote! {
            fn release_timeout(name: &str) -> ::core::time::Duration {
                match name {
                    #(#arms)*
                    _ => ::jumpstarter::DEFAULT_RELEASE_TIMEOUT,
                }
            }
        }
    })
}

impl Resource {
    /// Whether it needs the actor on the pool.
    fn borrows(&self) -> bool {
        !self.callable.is_async && self.callable.has_receiver
    }

    fn name(&self) -> String {
        self.callable.name.to_string()
    }

    fn limit(&self) -> TokenStream {
        match self.arguments.timeout {
            None => quote!(::core::option::Option::None),
            Some(limit) => {
                let limit = limit.expression();
                quote!(::core::option::Option::Some(#limit))
            }
        }
    }

    fn requirement(&self) -> TokenStream {
        match self.arguments.optional {
            true => quote!(::jumpstarter::written::Requirement::Optional),
            false => quote!(::jumpstarter::written::Requirement::Required),
        }
    }
}
