//! The hooks of transitions: what is written, and the function that calls them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Meta, Token};

use crate::callable::{Argument, Callable};
use crate::declaration::Declaration;
use crate::statechart::grammar;

/// When a hook is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Prepare,
    Condition,
    Before,
    Exit,
    Enter,
    After,
    Finalize,
}

const KINDS: [(&str, Kind); 7] = [
    ("prepare", Kind::Prepare),
    ("condition", Kind::Condition),
    ("before", Kind::Before),
    ("on_exit", Kind::Exit),
    ("on_enter", Kind::Enter),
    ("after", Kind::After),
    ("finalize", Kind::Finalize),
];

/// What happens in any case.
const UNCONDITIONAL: [&str; 7] = [
    "stop",
    "tasks_stop",
    "resources_release",
    "dependencies_stop",
    "finish",
    "report_error",
    "restart",
];

pub(crate) struct Hook {
    pub(crate) kind: Kind,
    pub(crate) callable: Callable,
    /// Triggers, or paths of states; none for every trigger.
    pub(crate) names: Vec<Vec<Ident>>,
}

impl Kind {
    pub(crate) fn of(attribute: &str) -> Option<Self> {
        KINDS.iter().find(|(name, _)| *name == attribute).map(|(_, kind)| *kind)
    }

    pub(crate) fn is_about_states(self) -> bool {
        matches!(self, Kind::Enter | Kind::Exit)
    }
}

impl Hook {
    pub(crate) fn read(kind: Kind, attribute: &Attribute, callable: Callable) -> syn::Result<Self> {
        let names = names(kind, attribute)?;
        callable.require_receiver()?;
        callable.refuse(|it| matches!(it, Argument::Reply(_)), "a `Reply`")?;
        callable.refuse(|it| matches!(it, Argument::Injector), "an `Injector`")?;
        callable.refuse(|it| matches!(it, Argument::TaskContext), "a `TaskContext`")?;
        if !callable.values().is_empty() {
            let message = "a hook takes `&Transition<'_>` and `&mut Context<Self>` at most";
            return Err(syn::Error::new(callable.span, message));
        }
        if kind == Kind::Condition && callable.output.is_none() {
            return Err(syn::Error::new(callable.span, "a condition returns `bool`"));
        }
        Ok(Hook { kind, callable, names })
    }

    /// The call of it, for one of its names.
    fn call(&self, names: &TokenStream, name: Option<&[Ident]>) -> TokenStream {
        let cfgs = &self.callable.cfgs;
        let call = self.callable.call(&quote!(self));
        let fires = match (self.kind, name) {
            (Kind::Enter, Some(path)) => quote!(transition.enters(#names::#(#path)::*.path())),
            (Kind::Exit, Some(path)) => quote!(transition.leaves(#names::#(#path)::*.path())),
            (_, _) if self.names.is_empty() => quote!(true),
            (_, _) => {
                let triggers = &self.names;
                quote!(false #(|| transition.trigger == #names::triggers::#(#triggers)::*.name())*)
            }
        };
        let outcome = match self.kind {
            Kind::Condition => {
                let name = self.callable.name.to_string();
                quote! {
                    let holds: bool = #call;
                    if !holds {
                        return ::core::result::Result::Err(
                            ::jumpstarter::written::HookFailure::Condition(#name),
                        );
                    }
                }
            }
            _ => quote! {
                ::jumpstarter::written::HookOutcome::into_result(#call)
                    .map_err(::jumpstarter::written::HookFailure::Error)?;
            },
        };
        quote! {
            #(#cfgs)*
            {
                if #fires { #outcome }
            }
        }
    }
}

fn names(kind: Kind, attribute: &Attribute) -> syn::Result<Vec<Vec<Ident>>> {
    let list = match &attribute.meta {
        Meta::Path(_) => Vec::new(),
        _ if kind.is_about_states() => attribute.parse_args_with(states)?,
        _ => attribute.parse_args_with(triggers)?,
    };
    if kind.is_about_states() && list.is_empty() {
        let message = "name the state: `started.running.degraded`";
        return Err(syn::Error::new_spanned(attribute, message));
    }
    for trigger in list.iter().flatten().filter(|_| kind == Kind::Condition) {
        if UNCONDITIONAL.iter().any(|known| trigger == known) {
            let message = format!("`{trigger}` happens in any case; no condition can forbid it");
            return Err(syn::Error::new(trigger.span(), message));
        }
    }
    Ok(list)
}

fn states(input: ParseStream<'_>) -> syn::Result<Vec<Vec<Ident>>> {
    let lists = Punctuated::<_, Token![,]>::parse_terminated_with(input, grammar::paths)?;
    Ok(lists.into_iter().flatten().collect())
}

fn triggers(input: ParseStream<'_>) -> syn::Result<Vec<Vec<Ident>>> {
    let list = Punctuated::<Ident, Token![,]>::parse_terminated(input)?;
    Ok(list.into_iter().map(|trigger| vec![trigger]).collect())
}

/// `const HOOKS` and `fn hook`
pub(crate) fn hook(declaration: &Declaration) -> Option<TokenStream> {
    if declaration.hooks.is_empty() {
        return None;
    }
    let names = declaration.arguments.names();
    let phases = [
        (Kind::Prepare, quote!(Prepare)),
        (Kind::Condition, quote!(Condition)),
        (Kind::Before, quote!(Before)),
        (Kind::Exit, quote!(Exit)),
        (Kind::Enter, quote!(Enter)),
        (Kind::After, quote!(After)),
        (Kind::Finalize, quote!(Finalize)),
    ];
    let arms = phases.iter().map(|(kind, phase)| {
        let calls = in_order(declaration, *kind, &names);
        quote!(::jumpstarter::written::Phase::#phase => { #(#calls)* })
    });
    Some(quote! {
        const HOOKS: bool = true;

        async fn hook(
            &mut self,
            phase: ::jumpstarter::written::Phase,
            transition: &::jumpstarter::Transition<'_>,
            ctx: &mut ::jumpstarter::Context<Self>,
        ) -> ::core::result::Result<(), ::jumpstarter::written::HookFailure> {
            match phase { #(#arms)* }
            ::core::result::Result::Ok(())
        }
    })
}

/// In the order of declaration; those about states by depth: what is left from
/// inner to outer, what is entered from outer to inner.
fn in_order(declaration: &Declaration, kind: Kind, names: &TokenStream) -> Vec<TokenStream> {
    let hooks: Vec<&Hook> = declaration.hooks.iter().filter(|hook| hook.kind == kind).collect();
    if !kind.is_about_states() {
        return hooks.into_iter().map(|hook| hook.call(names, None)).collect();
    }
    let mut calls: Vec<(usize, TokenStream)> = Vec::new();
    for hook in hooks {
        let paths = hook.names.iter();
        calls.extend(paths.map(|path| (path.len(), hook.call(names, Some(path)))));
    }
    calls.sort_by_key(|(depth, _)| *depth);
    if kind == Kind::Exit {
        // Stable among those of one depth.
        calls.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    }
    calls.into_iter().map(|(_, call)| call).collect()
}
