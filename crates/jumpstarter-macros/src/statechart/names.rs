//! Constants that name states by their paths: `started::running::degraded`. A
//! composite is a constant and a module at once.

use proc_macro2::TokenStream;
use quote::quote;

use super::Meaning;
use super::write::documented;

pub(crate) fn modules(meaning: &Meaning) -> TokenStream {
    let outermost = meaning.tree.roots.iter().flat_map(|root| &root.children);
    outermost.map(|index| state(meaning, *index, &quote!(State))).collect()
}

/// The constant of a state, and the module of what is inside of it. `path` is
/// the way to the enum from here.
fn state(meaning: &Meaning, index: usize, path: &TokenStream) -> TokenStream {
    let tree = &meaning.tree;
    let node = &tree.nodes[index];
    let (name, text) = (&node.name, &node.path);
    let docs = documented(&node.docs, &format!("`{text}`."));
    let states = tree.resting_inside(index);
    let set = states.iter().fold(0_u64, |set, inside| set | 1 << (tree.number(*inside) % 64));
    let deeper = quote!(super::#path);
    let inside: TokenStream =
        node.children.iter().map(|child| state(meaning, *child, &deeper)).collect();
    let module = (!node.children.is_empty()).then(|| {
        let about = format!("The states inside of `{text}`.");
        quote! {
            #[doc = #about]
            pub mod #name { #inside }
        }
    });
    quote! {
        #docs
        pub const #name: ::jumpstarter::chart::Place<#path> =
            ::jumpstarter::chart::Place::new(#text, #set);
        #module
    }
}
