//! What `#[actor(…)]` itself takes: the types that the actor publishes.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, Token, Type, parenthesized};

use crate::callable::place;
use crate::declaration::Declaration;

/// `streams(A, B)`
#[derive(Default)]
pub(crate) struct ActorArguments {
    pub(crate) streams: Vec<Type>,
}

impl Parse for ActorArguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = ActorArguments::default();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if name != "streams" {
                let message = "`#[actor]` knows `streams(A, B)` only";
                return Err(syn::Error::new(name.span(), message));
            }
            let list;
            parenthesized!(list in input);
            arguments.streams.extend(Punctuated::<Type, Token![,]>::parse_terminated(&list)?);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

/// One `impl Publishes<T>` for each type.
pub(crate) fn publishes(declaration: &Declaration, arguments: &ActorArguments) -> TokenStream {
    let actor = &declaration.item.self_ty;
    let (impl_generics, _, bounds) = declaration.item.generics.split_for_impl();
    let impls = arguments.streams.iter().map(|item| {
        quote_spanned! {place(item)=>
            #[automatically_derived]
            impl #impl_generics ::jumpstarter::Publishes<#item> for #actor #bounds {}
        }
    });
    impls.collect()
}
