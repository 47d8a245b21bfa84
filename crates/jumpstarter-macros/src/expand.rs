//! Puts the written code together.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::callable::{Callable, place};
use crate::declaration::Declaration;
use crate::{messages, resources, streams, tasks};

/// The impl as it was, and beside it what makes the type an actor.
pub(crate) fn expand(declaration: &Declaration) -> TokenStream {
    let item = &declaration.item;
    let actor = &item.self_ty;
    let (impl_generics, _, bounds) = item.generics.split_for_impl();
    let (_, type_generics, _) = item.generics.split_for_impl();
    let enum_name = messages::enum_name();
    let message_enum = messages::message_enum(declaration);
    let dispatch = messages::dispatch(declaration);
    let handler_impls = messages::handler_impls(declaration);
    let constants = constants(declaration);
    let fires = declaration.arguments.chart.as_ref().map(|chart| {
        quote! {
            #[automatically_derived]
            impl #impl_generics ::jumpstarter::Fires<#actor>
                for <#chart as ::jumpstarter::Statechart>::Trigger #bounds
            {
            }
        }
    });
    let hooks = hooks(declaration);
    let transitions = crate::hooks::hook(declaration);
    let dependencies = resources::dependencies(declaration);
    let acquire = resources::acquire(declaration);
    let release = resources::release(declaration);
    let turns = tasks::turns(declaration);
    let publishes = streams::publishes(declaration);
    let is_send = quote_spanned! {place(actor)=>
        fn must_be_send #impl_generics () #bounds {
            ::jumpstarter::written::actors_move_between_threads_so_use_arc_not_rc::<#actor>();
        }
    };
    quote! {
        #item

        #[allow(
            clippy::all,
            clippy::pedantic,
            dead_code,
            non_camel_case_types,
            missing_docs,
            private_interfaces,
            unreachable_code,
            unreachable_patterns,
            unreachable_pub,
            unused_mut,
            unused_variables
        )]
        const _: () = {
            #is_send
            #message_enum

            #[automatically_derived]
            impl #impl_generics ::jumpstarter::Actor for #actor #bounds {
                type Message = #enum_name #type_generics;

                #constants
                #dispatch
                #hooks
                #transitions
                #dependencies
                #acquire
                #release
                #turns
            }

            #handler_impls
            #fires
            #publishes
        };
    }
}

fn constants(declaration: &Declaration) -> TokenStream {
    let table = tasks::table(declaration);
    let needs =
        (!declaration.dependencies.is_empty() || !declaration.resources.is_empty()).then(|| {
            quote!(
                const NEEDS: bool = true;
            )
        });
    let says_hello = declaration.started.as_ref().map(|callable| match callable.is_async {
        true => quote!(
            const AWAITS_START: bool = true;
        ),
        false => quote!(
            const GREETS: bool = true;
        ),
    });
    let says_goodbye = declaration.stopped.is_some().then(|| {
        quote!(
            const SAYS_GOODBYE: bool = true;
        )
    });
    let sees_batches = declaration.after_batch.is_some().then(|| {
        quote!(
            const SEES_BATCHES: bool = true;
        )
    });
    let refinement = declaration.arguments.chart.as_ref().map(|chart| {
        quote! {
            const REFINEMENT: ::core::option::Option<&'static ::jumpstarter::chart::Refinement> =
                ::core::option::Option::Some(<#chart as ::jumpstarter::chart::Extension>::REFINEMENT);
        }
    });
    quote!(#table #needs #says_hello #says_goodbye #sees_batches #refinement)
}

fn hooks(declaration: &Declaration) -> TokenStream {
    let outcome = |callable: &Callable| {
        let call = callable.call(&quote!(self));
        quote!(::jumpstarter::written::HookOutcome::into_result(#call))
    };
    let started = declaration.started.as_ref().map(|callable| {
        let outcome = outcome(callable);
        let signature = match callable.is_async {
            true => quote!(async fn on_started),
            false => quote!(fn greet),
        };
        quote! {
            #signature(
                &mut self,
                ctx: &mut ::jumpstarter::Context<Self>,
            ) -> ::core::result::Result<(), ::jumpstarter::BoxError> {
                #outcome
            }
        }
    });
    let reporting = |name: TokenStream, callable: &Callable| {
        let outcome = outcome(callable);
        quote! {
            async fn #name(&mut self, ctx: &mut ::jumpstarter::Context<Self>) {
                if let ::core::result::Result::Err(error) = #outcome {
                    ctx.report_error(error);
                }
            }
        }
    };
    let batch = declaration.after_batch.as_ref().map(|it| reporting(quote!(on_batch), it));
    let stopped = declaration.stopped.as_ref().map(|it| reporting(quote!(on_stopped), it));
    let child_failed = declaration.child_failed.as_ref().map(|callable| {
        let outcome = outcome(callable);
        quote! {
            async fn on_child_failed(
                &mut self,
                value: ::jumpstarter::ChildFailed,
                ctx: &mut ::jumpstarter::Context<Self>,
            ) -> ::core::option::Option<
                ::core::result::Result<(), ::jumpstarter::BoxError>,
            > {
                ::core::option::Option::Some(#outcome)
            }
        }
    });
    quote!(#started #batch #stopped #child_failed)
}
