//! Handlers that are bound to states: which one takes a message, and what happens
//! to one that none takes.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Ident;

use crate::callable::place;
use crate::declaration::{Declaration, Handler};
use crate::messages::enum_name;

/// What happens to a message that no handler takes in the current state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    DeadLetter,
    Stash,
}

/// The handlers of one message type. Only those that are bound to states share
/// one, and one that is not, the fallback.
pub(crate) struct Group<'a> {
    pub(crate) handlers: Vec<&'a Handler>,
}

impl<'a> Group<'a> {
    /// The handlers by message type, in the order of declaration.
    pub(crate) fn all(handlers: &'a [Handler]) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for handler in handlers {
            let known = groups.iter_mut().find(|group| group.takes(handler));
            match known {
                Some(group) => group.handlers.push(handler),
                None => groups.push(Group { handlers: vec![handler] }),
            }
        }
        groups
    }

    /// Those that the compiler leaves out on a condition stand for themselves.
    fn takes(&self, handler: &Handler) -> bool {
        let free = |it: &Handler| it.callable.cfgs.is_empty();
        let same = |it: &Handler| it.message_text() == handler.message_text();
        free(handler) && self.handlers.iter().all(|known| free(known) && same(known))
    }

    /// The one that names the variant. There is always one.
    pub(crate) fn first(&self) -> &'a Handler {
        self.handlers[0]
    }

    fn fallback(&self) -> Option<&'a Handler> {
        self.handlers.iter().copied().find(|handler| handler.states.is_empty())
    }

    pub(crate) fn stashes(&self) -> bool {
        self.handlers.iter().any(|handler| handler.otherwise == Some(Otherwise::Stash))
    }

    /// What happens to `value` and `reply`.
    pub(crate) fn body(&self, declaration: &Declaration) -> TokenStream {
        if let [only] = self.handlers.as_slice()
            && only.states.is_empty()
        {
            return only.body();
        }
        let names = declaration.arguments.names();
        let bound: Vec<&Handler> =
            self.handlers.iter().copied().filter(|it| !it.states.is_empty()).collect();
        let mut states: Vec<(usize, &[Ident])> = Vec::new();
        for (number, handler) in bound.iter().enumerate() {
            states.extend(handler.states.iter().map(|path| (number, path.as_slice())));
        }
        // The innermost decides, as in charts.
        states.sort_by_key(|(_, path)| std::cmp::Reverse(path.len()));
        let choices = states.iter().map(|(number, path)| {
            quote!(if ::jumpstarter::written::is_in(ctx, #names::#(#path)::*) { #number } else)
        });
        let bodies = bound.iter().enumerate().map(|(number, handler)| {
            let body = handler.body();
            quote!(#number => { #body })
        });
        let otherwise = self.otherwise();
        quote! {
            let chosen: usize = #(#choices)* { usize::MAX };
            match chosen {
                #(#bodies)*
                _ => { #otherwise }
            }
        }
    }

    fn otherwise(&self) -> TokenStream {
        if let Some(fallback) = self.fallback() {
            return fallback.body();
        }
        let (name, variant) = (enum_name(), &self.first().callable.name);
        match self.stashes() {
            true => quote!(::jumpstarter::written::stash(ctx, #name::#variant(value, reply));),
            false => {
                quote!(::jumpstarter::written::unhandled(ctx, &#name::#variant(value, reply));)
            }
        }
    }

    /// Mistakes that only show when the handlers stand beside each other.
    pub(crate) fn check(&self) -> syn::Result<()> {
        let first = self.first();
        let mut known: Vec<String> = Vec::new();
        let mut fallback: Option<&Handler> = None;
        for handler in &self.handlers {
            if handler.answer().to_string() != first.answer().to_string() {
                let other = &first.callable.name;
                let message = format!(
                    "answers with another type than `{other}`, which handles this message, too"
                );
                return Err(syn::Error::new(handler.callable.span, message));
            }
            if handler.states.is_empty()
                && let Some(other) = fallback.replace(handler)
            {
                let other = &other.callable.name;
                let message = format!("`{other}` handles this message already");
                return Err(syn::Error::new(place(&handler.message), message));
            }
            for path in &handler.states {
                let text = path.iter().map(Ident::to_string).collect::<Vec<_>>().join(".");
                if known.contains(&text) {
                    let message = "another handler takes this message in this state already";
                    let place = path.last().map_or(handler.callable.span, Ident::span);
                    return Err(syn::Error::new(place, message));
                }
                known.push(text);
            }
        }
        let without_use = self.handlers.iter().find(|handler| handler.otherwise.is_some());
        if let (Some(handler), Some(fallback)) = (without_use, fallback) {
            let fallback = &fallback.callable.name;
            let message = format!("`{fallback}` takes the message in every other state");
            return Err(syn::Error::new(handler.callable.span, message));
        }
        Ok(())
    }
}

impl Handler {
    pub(crate) fn message_text(&self) -> String {
        self.message.to_token_stream().to_string()
    }
}
