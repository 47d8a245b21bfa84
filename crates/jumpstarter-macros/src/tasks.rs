//! The table of tasks and the functions that take their turns.

use proc_macro2::TokenStream;
use quote::quote;

use crate::arguments::Missed;
use crate::declaration::{Declaration, Task};
use crate::duration::Millis;

/// The wait before the first retry, unless `backoff` says otherwise.
const BACKOFF: Millis = Millis(100);
/// The longest wait, unless `backoff_max` says otherwise.
const BACKOFF_MAX: Millis = Millis(60_000);

/// `const TASKS`
pub(crate) fn table(declaration: &Declaration) -> Option<TokenStream> {
    if declaration.tasks.is_empty() {
        return None;
    }
    let rows = declaration.tasks.iter().map(|task| {
        let name = task.callable.name.to_string();
        let blocking = task.arguments.blocking;
        let concurrent = task.is_beside();
        let pace = task.pace();
        let jitter = task.arguments.jitter.unwrap_or(Millis(0)).expression();
        let retries = optional(task.arguments.retries.map(|retries| quote!(#retries)));
        let backoff = task.arguments.backoff.unwrap_or(BACKOFF).expression();
        let backoff_max = task.arguments.backoff_max.unwrap_or(BACKOFF_MAX).expression();
        quote! {
            ::jumpstarter::TaskSpec {
                name: #name,
                concurrent: #concurrent,
                blocking: #blocking,
                pace: || ::std::boxed::Box::new(#pace),
                jitter: #jitter,
                retries: #retries,
                backoff: #backoff,
                backoff_max: #backoff_max,
            }
        }
    });
    Some(quote!(const TASKS: &'static [::jumpstarter::TaskSpec] = &[#(#rows),*];))
}

/// `fn turn` and `fn concurrent`
pub(crate) fn turns(declaration: &Declaration) -> TokenStream {
    let on_actor = arms(declaration, |task| !task.is_beside() && !task.arguments.blocking);
    let beside = arms(declaration, |task| task.is_beside() && !task.arguments.blocking);
    let lent = arms(declaration, |task| !task.is_beside() && task.arguments.blocking);
    let blocking = arms(declaration, |task| task.is_beside() && task.arguments.blocking);
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
    let blocking_turn = (!lent.is_empty()).then(|| {
        quote! {
            fn blocking_turn(
                &mut self,
                task: usize,
                ctx: ::jumpstarter::TaskContext<Self>,
            ) -> ::jumpstarter::Flow {
                match task { #(#lent)* _ => ::jumpstarter::Flow::Success }
            }
        }
    });
    let blocking_beside = (!blocking.is_empty()).then(|| {
        quote! {
            fn blocking_beside(
                task: usize,
                ctx: ::jumpstarter::TaskContext<Self>,
            ) -> ::jumpstarter::Flow {
                match task { #(#blocking)* _ => ::jumpstarter::Flow::Success }
            }
        }
    });
    quote!(#turn #concurrent #blocking_turn #blocking_beside)
}

impl Task {
    /// Whether it runs beside the messages.
    fn is_beside(&self) -> bool {
        self.arguments.concurrent || (self.arguments.blocking && !self.callable.has_receiver)
    }

    /// The expression of its kind.
    fn pace(&self) -> TokenStream {
        if let Some(kind) = &self.arguments.kind {
            return quote!(#kind);
        }
        let Some(every) = self.arguments.every.map(Millis::expression) else {
            return quote!(::jumpstarter::Continuous);
        };
        let missed = match self.arguments.missed.unwrap_or(Missed::Skip) {
            Missed::Skip => quote!(Skip),
            Missed::Delay => quote!(Delay),
            Missed::CatchUp => quote!(CatchUp),
        };
        quote!(::jumpstarter::Periodic::new(#every).missed(::jumpstarter::Missed::#missed))
    }
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
