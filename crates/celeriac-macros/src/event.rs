//! `#[celeriac::event]`: an event type from a struct or enum.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, DeriveInput, Error, LitStr, Meta, Result, Token};

use crate::value;

pub(crate) fn event(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let input = syn::parse2::<DeriveInput>(item).map_err(|error| {
        Error::new(error.span(), "`#[celeriac::event]` stands before a struct or an enum")
    })?;
    if !input.generics.params.is_empty() {
        let message = "an event is one type with one name: it has no generic parameters";
        return Err(Error::new_spanned(&input.generics, message));
    }
    let (ident, bare) = (&input.ident, input.ident.unraw().to_string());
    let name = match given_name(attribute)? {
        Some(name) => quote!(#name),
        None => quote!(::core::concat!(::core::module_path!(), "::", #bare)),
    };
    let derives = missing_derives(&input.attrs);
    let conditions = input.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    Ok(quote! {
        #derives
        #input

        #(#conditions)*
        impl ::celeriac::Event for #ident {
            const NAME: &'static str = #name;
        }
    })
}

fn given_name(attribute: TokenStream) -> Result<Option<LitStr>> {
    let options = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(attribute)?;
    let mut name = None;
    for option in &options {
        if !option.path().is_ident("name") {
            let message = "an event has one option: `name = \"…\"`";
            return Err(Error::new_spanned(option, message));
        }
        if name.replace(value::name(option)?).is_some() {
            return Err(Error::new_spanned(option, "`name` is given twice"));
        }
    }
    Ok(name)
}

/// Derives what the type does not derive itself.
fn missing_derives(attributes: &[Attribute]) -> TokenStream {
    let serialize = (!derives(attributes, "Serialize"))
        .then(|| quote!(#[derive(::celeriac::__private::serde::Serialize)]));
    let deserialize = (!derives(attributes, "Deserialize"))
        .then(|| quote!(#[derive(::celeriac::__private::serde::Deserialize)]));
    let path = (serialize.is_some() || deserialize.is_some())
        .then(|| quote!(#[serde(crate = "::celeriac::__private::serde")]));
    quote!(#serialize #deserialize #path)
}

fn derives(attributes: &[Attribute], name: &str) -> bool {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut paths = lists.flat_map(|list| {
        list.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated)
            .unwrap_or_default()
    });
    paths.any(|path| path.segments.last().is_some_and(|segment| segment.ident == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(attribute: TokenStream, item: TokenStream) -> String {
        match event(attribute, item) {
            Ok(expansion) => expansion.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_event_is_named_by_its_path_or_as_it_says() {
        let expansion = expand(
            quote!(),
            quote!(
                struct Registered {
                    id: u64,
                }
            ),
        );
        assert!(expansion.contains("impl :: celeriac :: Event for Registered"), "{expansion}");
        assert!(expansion.contains("module_path ! () , \"::\" , \"Registered\""), "{expansion}");

        let expansion = expand(
            quote!(name = "users.registered"),
            quote!(
                struct Registered;
            ),
        );
        assert!(expansion.contains("NAME : & 'static str = \"users.registered\""), "{expansion}");
    }

    #[test]
    fn what_is_derived_already_is_not_derived_again() {
        let item = quote!(
            #[derive(Debug, serde::Serialize)]
            struct Registered;
        );
        let expansion = expand(quote!(), item);
        assert!(!expansion.contains("__private :: serde :: Serialize"), "{expansion}");
        assert!(expansion.contains("__private :: serde :: Deserialize"), "{expansion}");
    }

    #[test]
    fn mistakes_are_told() {
        let item = quote!(
            struct Registered;
        );
        assert!(expand(quote!(queue = "x"), item.clone()).contains("one option: `name"));
        assert!(expand(quote!(name = "a", name = "b"), item).contains("given twice"));
        assert!(
            expand(
                quote!(),
                quote!(
                    struct E<T>(T);
                )
            )
            .contains("no generic parameters")
        );
        assert!(
            expand(
                quote!(),
                quote!(
                    fn f() {}
                )
            )
            .contains("before a struct or an enum")
        );
    }
}
