//! One annotated function: what it takes, and how the written code calls it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, ImplItemFn, PathArguments, PathSegment, ReturnType,
    Type,
};

/// What stands at one place of the argument list.
pub(crate) enum Argument {
    /// `&mut Context<Self>` or `&Context<Self>`.
    Context { mutable: bool },
    /// `TaskContext<Self>`.
    TaskContext,
    /// `&Injector`.
    Injector,
    /// `&Transition<'_>`.
    Transition,
    /// `Reply<R>`.
    Reply(Box<Type>),
    /// Anything else: the message, the resource, the failure.
    Value(Box<Type>),
}

pub(crate) struct Callable {
    pub(crate) name: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) has_receiver: bool,
    pub(crate) is_async: bool,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: Option<Type>,
    pub(crate) span: Span,
}

impl Callable {
    pub(crate) fn read(function: &ImplItemFn) -> syn::Result<Self> {
        let signature = &function.sig;
        if !signature.generics.params.is_empty() {
            let message = "this function cannot have generic parameters of its own";
            return Err(syn::Error::new_spanned(&signature.generics, message));
        }
        let mut arguments = Vec::new();
        let mut has_receiver = false;
        for input in &signature.inputs {
            match input {
                FnArg::Receiver(receiver) if receiver.reference.is_none() => {
                    let message = "take `&mut self` or `&self`";
                    return Err(syn::Error::new_spanned(receiver, message));
                }
                FnArg::Receiver(_) => has_receiver = true,
                FnArg::Typed(typed) => arguments.push(Argument::read(&typed.ty)),
            }
        }
        let output = match &signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, output) => Some(output.as_ref().clone()),
        };
        Ok(Callable {
            name: signature.ident.clone(),
            cfgs: function.attrs.iter().filter(|it| it.path().is_ident("cfg")).cloned().collect(),
            has_receiver,
            is_async: signature.asyncness.is_some(),
            arguments,
            output,
            span: signature.ident.span(),
        })
    }

    /// The plain values among the arguments.
    pub(crate) fn values(&self) -> Vec<&Type> {
        let values = self.arguments.iter().filter_map(|argument| match argument {
            Argument::Value(value) => Some(value.as_ref()),
            _ => None,
        });
        values.collect()
    }

    /// The type inside of the `Reply` argument, if there is one.
    pub(crate) fn deferred(&self) -> Option<&Type> {
        self.arguments.iter().find_map(|argument| match argument {
            Argument::Reply(answer) => Some(answer.as_ref()),
            _ => None,
        })
    }

    pub(crate) fn output(&self) -> TokenStream {
        match &self.output {
            None => quote!(()),
            Some(output) => quote!(#output),
        }
    }

    pub(crate) fn require_receiver(&self) -> syn::Result<()> {
        match self.has_receiver {
            true => Ok(()),
            false => Err(syn::Error::new(self.span, "this function needs `&mut self` or `&self`")),
        }
    }

    /// Refuses arguments that this kind of function cannot get.
    pub(crate) fn refuse(&self, unwanted: fn(&Argument) -> bool, what: &str) -> syn::Result<()> {
        match self.arguments.iter().any(unwanted) {
            true => Err(syn::Error::new(self.span, format!("this function cannot take {what}"))),
            false => Ok(()),
        }
    }

    /// The call. The context is `ctx`, the value `value`, the reply `reply`, the
    /// injector `injector`, and the actor `receiver`.
    pub(crate) fn call(&self, receiver: &TokenStream) -> TokenStream {
        let bare = self.bare_call(receiver);
        match self.is_async {
            true => quote_spanned!(self.span => #bare.await),
            false => bare,
        }
    }

    /// The call without `.await`.
    pub(crate) fn bare_call(&self, receiver: &TokenStream) -> TokenStream {
        let name = &self.name;
        let receiver = self.has_receiver.then(|| quote!(#receiver,));
        let arguments = self.arguments.iter().map(|argument| match argument {
            Argument::Context { mutable: true } => quote!(ctx),
            Argument::Context { mutable: false } => quote!(&*ctx),
            Argument::TaskContext => quote!(ctx),
            Argument::Injector => quote!(&injector),
            Argument::Transition => quote!(transition),
            Argument::Reply(_) => quote!(reply),
            Argument::Value(_) => quote!(value),
        });
        quote_spanned!(self.span => Self::#name(#receiver #(#arguments),*))
    }
}

impl Argument {
    fn read(given: &Type) -> Self {
        let value = || Argument::Value(Box::new(given.clone()));
        match given {
            Type::Reference(reference) => match last_segment(&reference.elem) {
                Some(segment) if segment.ident == "Context" => {
                    Argument::Context { mutable: reference.mutability.is_some() }
                }
                Some(segment) if segment.ident == "Injector" => Argument::Injector,
                Some(segment) if segment.ident == "Transition" => Argument::Transition,
                _ => value(),
            },
            Type::Path(_) => match last_segment(given) {
                Some(segment) if segment.ident == "TaskContext" => Argument::TaskContext,
                Some(segment) if segment.ident == "Reply" => match only_argument(segment) {
                    Some(answer) => Argument::Reply(Box::new(answer)),
                    None => value(),
                },
                _ => value(),
            },
            _ => value(),
        }
    }
}

fn last_segment(given: &Type) -> Option<&PathSegment> {
    match given {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn only_argument(segment: &PathSegment) -> Option<Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(answer)) => Some(answer.clone()),
        _ => None,
    }
}

/// The place of a type, for errors about it.
pub(crate) fn place(given: &Type) -> Span {
    given.span()
}
