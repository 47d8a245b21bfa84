//! The message enum, the dispatch over it, and the `Handler` impls.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{GenericParam, Ident};

use crate::bound::Group;
use crate::callable::place;
use crate::declaration::{Declaration, Handler};

/// The name of the enum, which is visible inside of the written block only.
pub(crate) fn enum_name() -> Ident {
    format_ident!("__JumpstarterMessage")
}

/// `pub enum … { handler(Message, Reply<Answer>), … }`
pub(crate) fn message_enum(declaration: &Declaration) -> TokenStream {
    let name = enum_name();
    let actor = declaration.item.self_ty.to_token_stream();
    let generics = named(declaration.item.generics.to_token_stream(), &actor);
    let bounds = named(declaration.item.generics.where_clause.to_token_stream(), &actor);
    let variants = Group::all(&declaration.handlers).into_iter().map(|group| {
        let handler = group.first();
        let (cfgs, variant) = (&handler.callable.cfgs, &handler.callable.name);
        let message = named(handler.message.to_token_stream(), &actor);
        let answer = named(handler.answer(), &actor);
        quote!(#(#cfgs)* #variant(#message, ::jumpstarter::Reply<#answer>))
    });
    let parameters: Vec<&Ident> = type_parameters(declaration);
    let phantom = (!parameters.is_empty()).then(|| {
        quote!(__Never(::core::convert::Infallible, ::core::marker::PhantomData<fn() -> (#(#parameters,)*)>))
    });
    quote! {
        #[doc(hidden)]
        pub enum #name #generics #bounds { #(#variants,)* #phantom }
    }
}

/// The functions of `Actor` that look into messages.
pub(crate) fn dispatch(declaration: &Declaration) -> TokenStream {
    let groups = Group::all(&declaration.handlers);
    let stashes = groups.iter().any(Group::stashes).then(|| {
        quote!(
            const STASHES: bool = true;
        )
    });
    let dispatch = match groups.iter().any(|group| !group.is_async()) {
        false => dispatch_async(declaration, &groups),
        true => {
            let (now, later) =
                (dispatch_now(declaration, &groups), dispatch_later(declaration, &groups));
            quote!(#now #later)
        }
    };
    let name = enum_name();
    let names = groups.iter().map(|group| {
        let handler = group.first();
        let (cfgs, variant) = (&handler.callable.cfgs, &handler.callable.name);
        let message = &handler.message;
        quote!(#(#cfgs)* #name::#variant(..) => ::core::any::type_name::<#message>())
    });
    let never = never(declaration);
    quote! {
        #stashes
        #dispatch

        fn message_name(message: &Self::Message) -> &'static str {
            match *message { #(#names,)* #never }
        }
    }
}

/// Every handler awaits something.
fn dispatch_async(declaration: &Declaration, groups: &[Group<'_>]) -> TokenStream {
    let arms = groups.iter().map(|group| group.arm(declaration));
    let never = never(declaration);
    quote! {
        async fn dispatch(
            &mut self,
            message: Self::Message,
            ctx: &mut ::jumpstarter::Context<Self>,
        ) {
            match message { #(#arms,)* #never }
        }
    }
}

/// Those that await nothing.
fn dispatch_now(declaration: &Declaration, groups: &[Group<'_>]) -> TokenStream {
    let name = enum_name();
    let arms = groups.iter().map(|group| match group.is_async() {
        false => group.arm(declaration),
        true => {
            let handler = group.first();
            let (cfgs, variant) = (&handler.callable.cfgs, &handler.callable.name);
            quote! {
                #(#cfgs)* message @ #name::#variant(..) => {
                    return ::core::option::Option::Some(message)
                }
            }
        }
    });
    let never = never(declaration);
    quote! {
        const AT_ONCE: bool = true;

        #[inline]
        fn dispatch_now(
            &mut self,
            message: Self::Message,
            ctx: &mut ::jumpstarter::Context<Self>,
        ) -> ::core::option::Option<Self::Message> {
            match message { #(#arms,)* #never }
            ::core::option::Option::None
        }
    }
}

/// Those that await something, after the others have been tried.
fn dispatch_later(declaration: &Declaration, groups: &[Group<'_>]) -> TokenStream {
    let waiting = groups.iter().filter(|group| group.is_async());
    let arms: Vec<TokenStream> = waiting.map(|group| group.arm(declaration)).collect();
    let later = (!arms.is_empty()).then(|| {
        quote! {
            if let ::core::option::Option::Some(message) = left {
                match message { #(#arms,)* _ => {} }
            }
        }
    });
    quote! {
        async fn dispatch(
            &mut self,
            message: Self::Message,
            ctx: &mut ::jumpstarter::Context<Self>,
        ) {
            let left = <Self as ::jumpstarter::Actor>::dispatch_now(self, message, ctx);
            #later
        }
    }
}

/// The variant that keeps the type parameters.
fn never(declaration: &Declaration) -> Option<TokenStream> {
    let name = enum_name();
    (!type_parameters(declaration).is_empty())
        .then(|| quote!(#name::__Never(never, _) => match never {}))
}

impl Group<'_> {
    /// Whether one of the handlers awaits something.
    fn is_async(&self) -> bool {
        self.handlers.iter().any(|handler| handler.callable.is_async)
    }

    /// The arm for its variant, in a match over a message.
    fn arm(&self, declaration: &Declaration) -> TokenStream {
        let name = enum_name();
        let handler = self.first();
        let (cfgs, variant) = (&handler.callable.cfgs, &handler.callable.name);
        let body = self.body(declaration);
        quote!(#(#cfgs)* #name::#variant(value, reply) => { #body })
    }
}

/// One `impl Handler<M>` for each handler.
pub(crate) fn handler_impls(declaration: &Declaration) -> TokenStream {
    let name = enum_name();
    let actor = &declaration.item.self_ty;
    let (impl_generics, _, bounds) = declaration.item.generics.split_for_impl();
    let impls = Group::all(&declaration.handlers).into_iter().map(|group| {
        let handler = group.first();
        let (cfgs, variant) = (&handler.callable.cfgs, &handler.callable.name);
        let (message, answer) = (&handler.message, handler.answer());
        quote_spanned! {place(message)=>
            #(#cfgs)*
            #[automatically_derived]
            impl #impl_generics ::jumpstarter::Handler<#message> for #actor #bounds {
                type Reply = #answer;

                #[inline]
                fn envelope(
                    message: #message,
                    reply: ::jumpstarter::Reply<#answer>,
                ) -> Self::Message {
                    #name::#variant(message, reply)
                }
            }
        }
    });
    quote!(#(#impls)*)
}

impl Handler {
    /// What an ask gives.
    pub(crate) fn answer(&self) -> TokenStream {
        match self.callable.deferred() {
            Some(answer) => quote!(#answer),
            None => self.callable.output(),
        }
    }

    /// What happens to `value` and `reply`.
    pub(crate) fn body(&self) -> TokenStream {
        let call = self.callable.call(&quote!(self));
        let report = self.crash_on_error.then(|| {
            let place = self.callable.output.as_ref().map_or(self.callable.span, place);
            let failure =
                quote_spanned!(place=> ::jumpstarter::written::MayFail::failure(&outcome));
            quote! {
                if let ::core::option::Option::Some(error) = #failure {
                    ctx.report_error(error);
                }
            }
        });
        match self.callable.deferred() {
            Some(_) => quote! { let outcome = #call; #report },
            None => quote! { let outcome = #call; #report reply.send(outcome); },
        }
    }
}

fn type_parameters(declaration: &Declaration) -> Vec<&Ident> {
    let parameters = declaration.item.generics.params.iter();
    let types = parameters.filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(&parameter.ident),
        _ => None,
    });
    types.collect()
}

/// The same tokens with the actor's type in the place of `Self`, which means
/// something else inside of the enum.
fn named(tokens: TokenStream, actor: &TokenStream) -> TokenStream {
    let replaced = tokens.into_iter().map(|tree| match tree {
        TokenTree::Ident(ident) if ident == "Self" => quote!(<#actor>),
        TokenTree::Group(group) => {
            let inner = named(group.stream(), actor);
            let mut fresh = proc_macro2::Group::new(group.delimiter(), inner);
            fresh.set_span(group.span());
            TokenTree::Group(fresh).into()
        }
        other => other.into(),
    });
    replaced.collect()
}
