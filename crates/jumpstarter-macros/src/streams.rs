//! The types that an actor publishes.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::callable::place;
use crate::declaration::Declaration;

/// One `impl Publishes<T>` for each type.
pub(crate) fn publishes(declaration: &Declaration) -> TokenStream {
    let actor = &declaration.item.self_ty;
    let (impl_generics, _, bounds) = declaration.item.generics.split_for_impl();
    let impls = declaration.arguments.streams.iter().map(|item| {
        quote_spanned! {place(item)=>
            #[automatically_derived]
            impl #impl_generics ::jumpstarter::Publishes<#item> for #actor #bounds {}
        }
    });
    impls.collect()
}
