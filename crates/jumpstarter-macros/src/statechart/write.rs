//! The Rust that a chart becomes: enums, the table, `next`, and the chart as
//! data. The constants that name states are in [`super::names`].

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Ident};

use super::grammar::{Chart, Region};
use super::tree::snake;
use super::{Meaning, names};

pub(crate) fn chart(
    chart: &Chart,
    meaning: &Meaning,
    regions: &[(&Region, Meaning)],
) -> TokenStream {
    let (docs, visibility, name) = (&chart.docs, &chart.visibility, &chart.name);
    let module = format_ident!("{}", snake(&name.to_string()), span = name.span());
    let title = name.to_string();
    let about = format!("The states and triggers of [`{title}`](super::{title}).");
    let content = content(&title, meaning, regions);
    let inner = regions.iter().map(|(region, meaning)| region_module(region, meaning));
    quote! {
        #(#docs)*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(dead_code, unreachable_pub)]
        #visibility enum #name {}

        #[automatically_derived]
        impl ::jumpstarter::chart::Statechart for #name {
            type State = #module::State;
            type Trigger = #module::Trigger;
            const CHART: &'static ::jumpstarter::chart::Chart = &#module::CHART;

            fn next(
                state: Self::State,
                trigger: Self::Trigger,
            ) -> ::core::result::Result<Self::State, ::jumpstarter::chart::Refused> {
                #module::next(state, trigger)
            }
        }

        #[doc = #about]
        #[allow(clippy::all, dead_code, non_upper_case_globals, unreachable_pub)]
        #visibility mod #module {
            #content
            #(#inner)*
        }
    }
}

fn region_module(region: &Region, meaning: &Meaning) -> TokenStream {
    let (name, docs) = (&region.name, &region.docs);
    let content = content(&name.to_string(), meaning, &[]);
    let about = documented(docs, &format!("The region `{name}`, which runs beside the chart."));
    quote! {
        #about
        pub mod #name {
            #content
        }
    }
}

/// What stands in the module of a chart or region.
fn content(title: &str, meaning: &Meaning, regions: &[(&Region, Meaning)]) -> TokenStream {
    let states = states(meaning);
    let triggers = triggers(meaning);
    let next = next(meaning);
    let data = data(title, meaning, regions);
    let names = names::modules(meaning);
    quote!(#states #triggers #next #data #names)
}

fn states(meaning: &Meaning) -> TokenStream {
    let tree = &meaning.tree;
    let resting: Vec<_> = tree.resting().map(|(_, node)| node).collect();
    let variants: Vec<&Ident> = resting.iter().map(|node| &node.variant).collect();
    let docs = resting.iter().map(|node| documented(&node.docs, &format!("`{}`.", node.path)));
    let paths = resting.iter().map(|node| node.path.as_str());
    let count = resting.len();
    let first = tree.roots.first().and_then(|root| tree.beginning(root));
    let first = first.map(|first| &tree.nodes[first].variant);
    let default = first.map(|first| {
        quote! {
            #[automatically_derived]
            impl ::core::default::Default for State {
                fn default() -> Self {
                    State::#first
                }
            }
        }
    });
    quote! {
        /// The innermost active state. Prints as its full path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum State { #(#docs #variants,)* }

        impl State {
            /// Every state that one can rest in, in the order of declaration.
            pub const ALL: [State; #count] = [#(State::#variants),*];

            /// The full path, outermost first.
            pub const fn path(self) -> &'static str {
                match self { #(State::#variants => #paths,)* }
            }
        }

        #default

        #[automatically_derived]
        impl ::jumpstarter::chart::ChartState for State {
            const ALL: &'static [Self] = &State::ALL;

            fn index(self) -> usize {
                self as usize
            }

            fn path(self) -> &'static str {
                State::path(self)
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Display for State {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(State::path(*self))
            }
        }

        #[automatically_derived]
        impl ::jumpstarter::written::Serialize for State {
            fn serialize<S: ::jumpstarter::written::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(State::path(*self))
            }
        }
    }
}

fn triggers(meaning: &Meaning) -> TokenStream {
    let all = &meaning.transitions.triggers;
    let variants: Vec<&Ident> = all.iter().map(|trigger| &trigger.variant).collect();
    let docs: Vec<TokenStream> =
        all.iter().map(|it| documented(&it.docs, &format!("`{}`.", it.name))).collect();
    let idents = all.iter().map(|trigger| &trigger.name);
    let names = all.iter().map(|trigger| trigger.name.to_string());
    let count = all.len();
    quote! {
        /// What can happen. Prints as its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Trigger { #(#docs #variants,)* }

        impl Trigger {
            /// Every trigger, in the order of declaration.
            pub const ALL: [Trigger; #count] = [#(Trigger::#variants),*];

            /// Its name in the chart.
            pub const fn name(self) -> &'static str {
                match self { #(Trigger::#variants => #names,)* }
            }
        }

        #[automatically_derived]
        impl ::jumpstarter::chart::ChartTrigger for Trigger {
            const ALL: &'static [Self] = &Trigger::ALL;

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                Trigger::name(self)
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Display for Trigger {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(Trigger::name(*self))
            }
        }

        /// The triggers by the names that they have in the chart.
        pub mod triggers {
            #(#docs pub const #idents: super::Trigger = super::Trigger::#variants;)*
        }
    }
}

fn next(meaning: &Meaning) -> TokenStream {
    let tree = &meaning.tree;
    let variants: Vec<&Ident> = tree.resting().map(|(_, node)| &node.variant).collect();
    let matrix = meaning.transitions.matrix(tree);
    let rows = matrix.iter().map(|row| {
        let cells = row.iter().map(|to| match to {
            Some(to) => {
                let to = variants[*to];
                quote!(::core::option::Option::Some(State::#to))
            }
            None => quote!(::core::option::Option::None),
        });
        quote!([#(#cells),*])
    });
    let (states, triggers) = (variants.len(), matrix.len());
    quote! {
        /// Where each trigger leads from each state.
        static TABLE: [[::core::option::Option<State>; #states]; #triggers] = [#(#rows),*];

        /// The state that `trigger` leads to from `state`.
        ///
        /// # Errors
        ///
        /// Refused, naming both, when the chart has no such transition.
        pub const fn next(
            state: State,
            trigger: Trigger,
        ) -> ::core::result::Result<State, ::jumpstarter::chart::Refused> {
            match TABLE[trigger as usize][state as usize] {
                ::core::option::Option::Some(to) => ::core::result::Result::Ok(to),
                ::core::option::Option::None => ::core::result::Result::Err(
                    ::jumpstarter::chart::Refused::new(trigger.name(), state.path()),
                ),
            }
        }
    }
}

fn data(title: &str, meaning: &Meaning, regions: &[(&Region, Meaning)]) -> TokenStream {
    let states = meaning.tree.nodes.iter().map(|node| {
        let (path, name) = (&node.path, node.name.to_string());
        let (initial, resting) = (node.initial, node.resting);
        let parent = match node.parent {
            Some(parent) => quote!(::core::option::Option::Some(#parent)),
            None => quote!(::core::option::Option::None),
        };
        quote! {
            ::jumpstarter::chart::StateNode {
                path: #path,
                name: #name,
                parent: #parent,
                initial: #initial,
                resting: #resting,
            }
        }
    });
    let arrows = meaning.transitions.arrows.iter().map(|arrow| {
        let trigger = meaning.transitions.triggers[arrow.trigger].name.to_string();
        let (from, to) = (arrow.from, arrow.to);
        quote!(::jumpstarter::chart::Arrow { trigger: #trigger, from: #from, to: #to })
    });
    let regions = regions.iter().map(|(region, _)| {
        let (name, many) = (&region.name, region.many);
        quote!(::jumpstarter::chart::Region { chart: &#name::CHART, many: #many })
    });
    quote! {
        /// The chart as data.
        pub static CHART: ::jumpstarter::chart::Chart = ::jumpstarter::chart::Chart {
            name: #title,
            states: &[#(#states),*],
            arrows: &[#(#arrows),*],
            regions: &[#(#regions),*],
            extends: ::core::option::Option::None,
        };
    }
}

/// The given docs, or this in their place.
pub(crate) fn documented(docs: &[Attribute], otherwise: &str) -> TokenStream {
    match docs.is_empty() {
        true => quote!(#[doc = #otherwise]),
        false => quote!(#(#docs)*),
    }
}
