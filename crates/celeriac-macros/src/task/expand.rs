//! The code that a task becomes. All names of our own are hygienic, and every
//! path begins with `::celeriac`, `::core` or `::std`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Type};

use super::function::{Function, Returns};
use super::options::Options;
use super::parameters::{Parameter, Role};

pub(super) fn expand(options: &Options, function: &Function) -> TokenStream {
    let [type_attributes, conditions, call_attributes] = attributes(&function.attributes);
    let Function { visibility, ident, .. } = function;
    let methods = methods(function, &call_attributes);
    let task = task_items(options, function);
    quote! {
        #(#type_attributes)*
        #(#conditions)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #ident {}

        // A unit struct's name could not be shadowed by a `let`; a function's can.
        #(#conditions)*
        #[doc(hidden)]
        #[allow(dead_code, deprecated, non_snake_case, unreachable_pub)]
        #visibility fn #ident() -> #ident {
            #ident {}
        }

        #(#conditions)*
        impl #ident {
            #methods
        }

        #(#conditions)*
        #[automatically_derived]
        impl ::celeriac::Task for #ident {
            #task
        }
    }
}

/// Attributes of the type, conditions of every item, attributes of the function.
fn attributes(all: &[Attribute]) -> [Vec<&Attribute>; 3] {
    let mut sorted = [Vec::new(), Vec::new(), Vec::new()];
    for attribute in all {
        let path = attribute.path();
        let place = match () {
            () if path.is_ident("doc") || path.is_ident("deprecated") => 0,
            () if path.is_ident("cfg") => 1,
            () => 2,
        };
        sorted[place].push(attribute);
    }
    sorted
}

fn methods(function: &Function, call_attributes: &[&Attribute]) -> TokenStream {
    let Function { visibility, ident, inputs, output, body, .. } = function;
    let asyncness = function.is_async.then(|| quote!(async));
    let names: Vec<_> = function.arguments().map(|argument| &argument.ident).collect();
    let types: Vec<_> = function.arguments().map(|argument| &argument.ty).collect();
    let about_s = format!("A call of `{}`, not yet sent.", ident.unraw());
    let (arguments, mapped, map) = if names.is_empty() {
        let none = quote!(::celeriac::__private::NoArguments);
        let map = quote!(move |event| { map(event); #none });
        (none, quote!(()), map)
    } else {
        (quote!((#(#names,)*)), quote!((#(#types,)*)), quote!(map))
    };
    let partial = partial(function);
    quote! {
        #[doc = #about_s]
        #[allow(dead_code, clippy::too_many_arguments)]
        #visibility fn s(#(#names: #types),*) -> ::celeriac::Signature<Self> {
            ::celeriac::Signature::new(#arguments)
        }

        #partial

        /// Subscribes this task to an event; `map` makes its arguments of it.
        #[allow(dead_code, clippy::type_complexity, clippy::unused_unit)]
        #visibility fn from_event<E: ::celeriac::Event>(
            map: impl ::core::ops::Fn(E) -> #mapped
                + ::core::marker::Send + ::core::marker::Sync + 'static,
        ) -> ::celeriac::Subscriber<E> {
            ::celeriac::Subscriber::new::<Self>(#map)
        }

        /// Subscribes this task to documents; `map` makes its arguments of one.
        #[allow(dead_code, clippy::type_complexity, clippy::unused_unit)]
        #visibility fn from_document<D: ::celeriac::__private::serde::de::DeserializeOwned + 'static>(
            map: impl ::core::ops::Fn(D) -> #mapped
                + ::core::marker::Send + ::core::marker::Sync + 'static,
        ) -> ::celeriac::DocumentSubscriber<D> {
            ::celeriac::DocumentSubscriber::new::<Self>(#map)
        }

        /// The function itself: runs here and now, without a worker.
        #(#call_attributes)*
        #visibility #asyncness fn call(#inputs) #output #body
    }
}

/// The call that lacks its first argument, of a task that takes any.
fn partial(function: &Function) -> Option<TokenStream> {
    let Function { visibility, ident, .. } = function;
    let mut arguments = function.arguments();
    let first = &arguments.next()?.ty;
    let (names, types): (Vec<_>, Vec<_>) =
        arguments.map(|argument| (&argument.ident, &argument.ty)).unzip();
    let about = format!(
        "A step that calls `{}` with the result of the step before as its first argument.",
        ident.unraw()
    );
    let rest = match names.as_slice() {
        [] => quote!(::celeriac::__private::NoArguments),
        names => quote!((#(#names,)*)),
    };
    Some(quote! {
        #[doc = #about]
        #[allow(dead_code, clippy::too_many_arguments)]
        #visibility fn p(#(#names: #types),*) -> ::celeriac::canvas::Partial<Self, #first> {
            ::celeriac::canvas::Partial::new(&#rest)
        }
    })
}

fn task_items(options: &Options, function: &Function) -> TokenStream {
    let bare = function.ident.unraw().to_string();
    let name = match &options.name {
        Some(name) => quote!(#name),
        None => quote!(::core::concat!(::core::module_path!(), "::", #bare)),
    };
    let parameters = function.arguments().map(|argument| argument.ident.unraw().to_string());
    let types: Vec<_> = function.arguments().map(|argument| &argument.ty).collect();
    let args = match types.as_slice() {
        [] => quote!(::celeriac::__private::NoArguments),
        types => quote!((#(#types,)*)),
    };
    let output = match &function.returns {
        Returns::Value(ty) => quote!(#ty),
        Returns::Result(ty) => quote!(<#ty as ::celeriac::__private::TaskResult>::Output),
    };
    let body = body(function);
    let needs = needs(&function.parameters);
    let schemas = schemas(&types);
    quote! {
        type Args = #args;
        type Output = #output;
        const NAME: &'static str = #name;
        const PARAMETERS: &'static [&'static str] = &[#(#parameters),*];
        const OPTIONS: ::celeriac::TaskOptions = #options;

        fn body() -> ::celeriac::__private::Body {
            #[allow(unused_imports)]
            use ::celeriac::__private::{SaysItself as _, SaysNothing as _};
            #body
        }

        #needs
        #schemas
    }
}

/// Which method is meant is decided by whether the type has a schema: nobody
/// has to say so.
fn schemas(types: &[&Type]) -> TokenStream {
    quote! {
        #[allow(unused_imports, clippy::needless_borrow)]
        fn schemas() -> ::celeriac::__private::Schemas {
            use ::celeriac::__private::{Known as _, Unknown as _};
            ::celeriac::__private::Schemas {
                arguments: ::std::vec![
                    #((&::celeriac::__private::Described::<#types>::NEW).read()),*
                ],
                output: ::core::option::Option::Some(
                    (&::celeriac::__private::Described::<Self::Output>::NEW).written()
                ),
            }
        }
    }
}

/// The names of our own inside the body.
struct Names {
    arguments: Ident,
    context: Ident,
}

impl Names {
    fn new() -> Self {
        let name = |name: &str| Ident::new(name, Span::mixed_site());
        Self { arguments: name("arguments"), context: name("context") }
    }
}

fn body(function: &Function) -> TokenStream {
    let Names { arguments, context } = Names::new();
    let take_apart = take_apart(function, &arguments);
    if function.is_async {
        let call = call(function, &quote!(&#context));
        quote! {
            ::celeriac::__private::async_body::<Self, _, _>(
                |#arguments: Self::Args, #context: ::celeriac::TaskContext| async move {
                    #take_apart
                    let result: ::core::result::Result<
                        Self::Output,
                        ::celeriac::__private::Fault,
                    > = async { #call }.await;
                    (#context, result)
                },
            )
        }
    } else {
        let call = call(function, &quote!(#context));
        quote! {
            ::celeriac::__private::sync_body::<Self, _>(
                |#arguments: Self::Args, #context: &::celeriac::TaskContext| {
                    #take_apart
                    #call
                },
            )
        }
    }
}

fn take_apart(function: &Function, arguments: &Ident) -> TokenStream {
    let places: Vec<_> = (0..function.arguments().count()).map(argument).collect();
    match places.as_slice() {
        [] => quote!(let _ = #arguments;),
        places => quote!(let (#(#places,)*) = #arguments;),
    }
}

fn argument(index: usize) -> Ident {
    format_ident!("argument_{index}", span = Span::mixed_site())
}

/// The call itself, an expression of type `Result<Output, Fault>`; `context` is
/// an expression that borrows the context.
fn call(function: &Function, context: &TokenStream) -> TokenStream {
    let (mut states, mut values, mut arguments) = (Vec::new(), Vec::new(), 0);
    for parameter in &function.parameters {
        match &parameter.role {
            Role::Argument => {
                let place = argument(arguments);
                values.push(quote!(#place));
                arguments += 1;
            }
            Role::Context => values.push(context.clone()),
            Role::State(of) => {
                let place = format_ident!("state_{}", states.len(), span = Span::mixed_site());
                let state = state(of);
                states.push(quote!(let #place = #state::from_context(#context)?;));
                values.push(quote!(#place));
            }
        }
    }
    let wait = function.is_async.then(|| quote!(.await));
    let call = quote!(Self::call(#(#values),*) #wait);
    let result = match &function.returns {
        Returns::Value(_) => quote!(::core::result::Result::Ok(#call)),
        Returns::Result(ty) => {
            let error = Ident::new("error", Span::mixed_site());
            let fault = quote_spanned! {ty.span()=>
                (&::celeriac::__private::Probe(&#error)).fault()
            };
            quote!(#call.map_err(|#error| #fault))
        }
    };
    quote!(#(#states)* #result)
}

fn state(of: &Type) -> TokenStream {
    quote_spanned!(of.span()=> ::celeriac::State::<#of>)
}

fn needs(parameters: &[Parameter]) -> Option<TokenStream> {
    let mut states = Vec::new();
    for parameter in parameters {
        if let Role::State(of) = &parameter.role {
            states.push(state(of));
        }
    }
    let needs = quote! {
        fn needs() -> ::std::vec::Vec<(::core::any::TypeId, &'static str)> {
            ::std::vec![#(#states::need()),*]
        }
    };
    (!states.is_empty()).then_some(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(attribute: TokenStream, item: TokenStream) -> String {
        let expansion = super::super::task(attribute, item).unwrap();
        syn::parse2::<syn::File>(expansion.clone()).unwrap();
        expansion.to_string()
    }

    #[test]
    fn what_the_worker_gives_is_no_argument() {
        let item = quote! {
            async fn send(ctx: &TaskContext, to: String, db: State<Db>, r#type: u8) -> u8 { 1 }
        };
        let expansion = expanded(quote!(), item);
        assert!(expansion.contains("fn s (to : String , r#type : u8)"), "{expansion}");
        assert!(expansion.contains("type Args = (String , u8 ,)"), "{expansion}");
        assert!(expansion.contains("[\"to\" , \"type\"]"), "{expansion}");
        assert!(expansion.contains("State :: < Db > :: need ()"), "{expansion}");
        assert!(
            expansion.contains("Self :: call (& context , argument_0 , state_0 , argument_1)"),
            "{expansion}"
        );
    }

    #[test]
    fn a_partial_call_lacks_the_first_argument() {
        let expansion = expanded(
            quote!(),
            quote!(
                fn add(a: i64, ctx: &TaskContext, b: u8) {}
            ),
        );
        let partial = "fn p (b : u8) -> :: celeriac :: canvas :: Partial < Self , i64 >";
        assert!(expansion.contains(partial), "{expansion}");
        let none = expanded(
            quote!(),
            quote!(
                fn tick(ctx: &TaskContext) {}
            ),
        );
        assert!(!none.contains("fn p ("), "{none}");
    }

    #[test]
    fn attributes_go_where_they_belong() {
        let item = quote! {
            /// Adds.
            #[cfg(unix)]
            #[expect(unused)]
            pub fn add(a: u8) {}
        };
        let expansion = expanded(quote!(name = "math.add"), item);
        assert!(expansion.starts_with("# [doc = r\" Adds.\"] # [cfg (unix)]"), "{expansion}");
        assert_eq!(expansion.matches("cfg (unix)").count(), 4, "{expansion}");
        assert!(expansion.contains("# [expect (unused)] pub fn call"), "{expansion}");
        assert!(expansion.contains("NAME : & 'static str = \"math.add\""), "{expansion}");
    }

    #[test]
    fn a_result_gives_what_its_success_gives() {
        let expansion = expanded(
            quote!(),
            quote!(
                fn f() -> io::Result<u8> {
                    Ok(1)
                }
            ),
        );
        assert!(
            expansion.contains(
                "type Output = < io :: Result < u8 > as :: celeriac :: __private :: TaskResult > \
                 :: Output"
            ),
            "{expansion}"
        );
        assert!(expansion.contains("type Args = :: celeriac :: __private :: NoArguments"));
    }
}
