//! The table of tasks and the functions that take their turns.

use proc_macro2::TokenStream;
use quote::quote;

use crate::declaration::{Declaration, Task};
use crate::duration::Millis;

/// The wait before the first retry, unless `backoff` says otherwise.
const BACKOFF: Millis = Millis(100);

/// `const TASKS`
pub(crate) fn table(declaration: &Declaration) -> Option<TokenStream> {
    if declaration.tasks.is_empty() {
        return None;
    }
    let rows = declaration.tasks.iter().map(|task| {
        let name = task.callable.name.to_string();
        let concurrent = task.arguments.concurrent;
        let every = optional(task.arguments.every.map(Millis::expression));
        let jitter = task.arguments.jitter.unwrap_or(Millis(0)).expression();
        let retries = optional(task.arguments.retries.map(|retries| quote!(#retries)));
        let backoff = task.arguments.backoff.unwrap_or(BACKOFF).expression();
        quote! {
            ::jumpstarter::TaskSpec {
                name: #name,
                concurrent: #concurrent,
                every: #every,
                jitter: #jitter,
                retries: #retries,
                backoff: #backoff,
            }
        }
    });
    Some(quote!(const TASKS: &'static [::jumpstarter::TaskSpec] = &[#(#rows),*];))
}

/// `fn turn` and `fn concurrent`
pub(crate) fn turns(declaration: &Declaration) -> TokenStream {
    let on_actor = arms(declaration, |task| !task.arguments.concurrent);
    let beside = arms(declaration, |task| task.arguments.concurrent);
    let turn = (!on_actor.is_empty()).then(|| {
        quote! {
            async fn turn(
                &mut self,
                task: usize,
                ctx: &mut ::jumpstarter::Context<Self>,
            ) -> ::jumpstarter::Flow {
                match task { #(#on_actor)* _ => ::jumpstarter::Flow::Success }
            }
        }
    });
    let concurrent = (!beside.is_empty()).then(|| {
        quote! {
            async fn concurrent(
                task: usize,
                ctx: ::jumpstarter::TaskContext<Self>,
            ) -> ::jumpstarter::Flow {
                match task { #(#beside)* _ => ::jumpstarter::Flow::Success }
            }
        }
    });
    quote!(#turn #concurrent)
}

fn arms(declaration: &Declaration, wanted: fn(&Task) -> bool) -> Vec<TokenStream> {
    let tasks = declaration.tasks.iter().enumerate().filter(|(_, task)| wanted(task));
    let arms = tasks.map(|(index, task)| {
        let call = task.callable.call(&quote!(self));
        quote!(#index => ::jumpstarter::IntoFlow::into_flow(#call),)
    });
    arms.collect()
}

fn optional(expression: Option<TokenStream>) -> TokenStream {
    match expression {
        None => quote!(::core::option::Option::None),
        Some(expression) => quote!(::core::option::Option::Some(#expression)),
    }
}
