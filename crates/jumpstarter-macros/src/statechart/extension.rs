//! What a chart that extends the lifecycle has beside the rest: its own names
//! among those of the lifecycle, and what an actor needs to follow it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path};

use super::grammar::Chart;
use super::mistakes::Mistakes;
use super::tree::Root;
use super::{Meaning, names};

/// What can be said without knowing the lifecycle.
pub(crate) fn check(chart: &Chart, base: &Path, mistakes: &mut Mistakes) {
    if base.segments.last().is_none_or(|last| last.ident != "Lifecycle") {
        mistakes.add(base.span(), "a chart extends `Lifecycle`; others stand alone");
    }
    for region in &chart.body.regions {
        mistakes.add(region.name.span(), "a chart that extends the lifecycle has no regions");
    }
    if chart.body.groups.is_empty() {
        mistakes.add(chart.name.span(), "name a leaf of the lifecycle and its sub-states");
    }
}

/// Beside the module.
pub(crate) fn outside(
    chart: &Chart,
    base: &Path,
    module: &Ident,
    meaning: &Meaning,
) -> TokenStream {
    let (name, visibility) = (&chart.name, &chart.visibility);
    let triggers = meaning.transitions.triggers.iter().map(|trigger| {
        let variant = &trigger.variant;
        let docs = super::write::documented(&trigger.docs, &format!("`{}`.", trigger.name));
        quote!(#docs #visibility const #variant: #module::Trigger = #module::Trigger::#variant;)
    });
    quote! {
        const _: ::core::marker::PhantomData<#base> =
            ::core::marker::PhantomData::<::jumpstarter::Lifecycle>;

        #[allow(dead_code, non_upper_case_globals)]
        impl #name { #(#triggers)* }

        #[automatically_derived]
        impl ::jumpstarter::chart::Extension for #name {
            const REFINEMENT: &'static ::jumpstarter::chart::Refinement = &#module::REFINEMENT;
        }
    }
}

/// Inside of the module.
pub(crate) fn inside(meaning: &Meaning) -> TokenStream {
    let tree = &meaning.tree;
    let entries = tree.roots.iter().filter_map(|root| {
        let leaf = &root.leaf;
        let first = u8::try_from(tree.number(tree.beginning(root)?)).ok()?;
        Some(quote!((::jumpstarter::lifecycle::#(#leaf)::*, #first)))
    });
    let leaves = tree.roots.iter().map(|root| {
        let leaf = &root.leaf;
        let place = leaf.last().map_or_else(Span::call_site, Ident::span);
        quote_spanned! {place=>
            const _: () = ::core::assert!(
                ::jumpstarter::lifecycle::#(#leaf)::*.is_leaf(),
                "only a leaf of the lifecycle can get sub-states"
            );
        }
    });
    let unique = meaning.transitions.triggers.iter().map(|trigger| {
        let text = trigger.name.to_string();
        quote_spanned! {trigger.name.span()=>
            const _: () = ::core::assert!(
                !::jumpstarter::written::is_lifecycle_trigger(#text),
                "the lifecycle has a trigger of this name already"
            );
        }
    });
    let matrix = meaning.transitions.matrix(tree);
    let rows = matrix.iter().map(|row| {
        let cells = row.iter().map(|to| to.and_then(|to| u8::try_from(to).ok()).unwrap_or(u8::MAX));
        quote!(&[#(#cells),*])
    });
    let paths = tree.resting().map(|(_, node)| &node.path);
    let triggers = meaning.transitions.triggers.iter().map(|trigger| trigger.name.to_string());
    let names = modules(meaning);
    quote! {
        #(#leaves)*
        #(#unique)*

        /// What an actor needs to follow the chart.
        pub static REFINEMENT: ::jumpstarter::chart::Refinement =
            ::jumpstarter::chart::Refinement {
                chart: &CHART,
                paths: &[#(#paths),*],
                entries: &[#(#entries),*],
                triggers: &[#(#triggers),*],
                table: &[#(#rows),*],
            };

        impl ::jumpstarter::chart::SubState for State {}

        #names
    }
}

/// The names of the lifecycle, and among them those of the sub-states.
fn modules(meaning: &Meaning) -> TokenStream {
    let roots: Vec<&Root> = meaning.tree.roots.iter().collect();
    level(meaning, &roots, 0, &quote!(State))
}

fn level(meaning: &Meaning, roots: &[&Root], depth: usize, path: &TokenStream) -> TokenStream {
    let Some(first) = roots.first() else {
        return TokenStream::new();
    };
    if first.leaf.len() == depth {
        let states = roots.iter().flat_map(|root| &root.children);
        return states.map(|index| names::state(meaning, *index, path)).collect();
    }
    let around = &first.leaf[..depth];
    let mut parts: Vec<&Ident> = Vec::new();
    for root in roots {
        match root.leaf.get(depth) {
            Some(part) if !parts.contains(&part) => parts.push(part),
            _ => {}
        }
    }
    let deeper = quote!(super::#path);
    let modules = parts.into_iter().map(|part| {
        let below: Vec<&Root> =
            roots.iter().copied().filter(|root| root.leaf.get(depth) == Some(part)).collect();
        let content = level(meaning, &below, depth + 1, &deeper);
        let about = format!("The states inside of `{part}`.");
        quote! {
            #[doc = #about]
            pub mod #part { #content }
        }
    });
    quote! {
        pub use ::jumpstarter::lifecycle::#(#around::)**;
        #(#modules)*
    }
}
