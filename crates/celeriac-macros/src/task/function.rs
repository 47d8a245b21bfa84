//! The function under `#[celeriac::task]`, checked: what a task can be.

use proc_macro2::TokenStream;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Error, FnArg, Ident, ItemFn, Lifetime, Result, ReturnType, Signature, Token, Type,
    TypeImplTrait, TypeReference, Visibility,
};

use super::Mistakes;
use super::parameters::{Parameter, Role};

/// Tuples of more elements can't be read from messages.
const MAX_ARGUMENTS: usize = 16;

/// A function that can be a task.
pub(super) struct Function {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) ident: Ident,
    pub(super) is_async: bool,
    /// The parameters as they were written, for the function itself.
    pub(super) inputs: Punctuated<FnArg, Token![,]>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) returns: Returns,
    pub(super) output: ReturnType,
    pub(super) body: TokenStream,
}

/// What the function returns.
pub(super) enum Returns {
    /// A value: it can't fail, but by a panic.
    Value(Type),
    /// A type whose name is `Result`.
    Result(Type),
}

impl Function {
    pub(super) fn parse(item: ItemFn) -> Result<Self> {
        let ItemFn { attrs, vis, sig, block } = item;
        let mut mistakes = Mistakes::default();
        check_kind(&sig, &mut mistakes);
        let returns = returns(&sig.output);
        check_owned(returns.get(), "what a task returns", &mut mistakes);
        let mut parameters = Vec::new();
        for input in &sig.inputs {
            parameters.extend(mistakes.collect(Parameter::parse(input)));
        }
        check_parameters(&sig.ident, &parameters, &mut mistakes);
        mistakes.none_or(Self {
            attributes: attrs,
            visibility: vis,
            is_async: sig.asyncness.is_some(),
            ident: sig.ident,
            inputs: sig.inputs,
            parameters,
            returns,
            output: sig.output,
            body: quote::quote!(#block),
        })
    }

    /// The parameters that travel in a message, in order.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| matches!(parameter.role, Role::Argument))
    }
}

impl Returns {
    pub(super) const fn get(&self) -> &Type {
        match self {
            Self::Value(ty) | Self::Result(ty) => ty,
        }
    }
}

fn returns(output: &ReturnType) -> Returns {
    let ReturnType::Type(_, ty) = output else {
        return Returns::Value(syn::parse_quote!(()));
    };
    let ty = unwrap(ty);
    match ty {
        Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Result") => {
            Returns::Result(ty.clone())
        }
        _ => Returns::Value(ty.clone()),
    }
}

/// The type without parentheses and without a macro's invisible group.
pub(super) fn unwrap(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => unwrap(&group.elem),
        Type::Paren(paren) => unwrap(&paren.elem),
        _ => ty,
    }
}

fn check_kind(sig: &Signature, mistakes: &mut Mistakes) {
    if !sig.generics.params.is_empty() {
        let message = "a task is found by its name, so it has no generic parameters; \
                       write one task for each type";
        mistakes.add(Error::new_spanned(&sig.generics, message));
    }
    if let Some(clause) = &sig.generics.where_clause {
        mistakes.add(Error::new_spanned(clause, "a task has no `where` clause; remove it"));
    }
    if let Some(word) = &sig.unsafety {
        let message = "a worker calls tasks from safe code; put the `unsafe` block inside";
        mistakes.add(Error::new_spanned(word, message));
    }
    if let Some(abi) = &sig.abi {
        mistakes.add(Error::new_spanned(abi, "a task is a Rust function; remove `extern`"));
    }
    if let Some(word) = &sig.constness {
        mistakes.add(Error::new_spanned(word, "a task runs in a worker; remove `const`"));
    }
    if let Some(dots) = &sig.variadic {
        mistakes.add(Error::new_spanned(dots, "a task has a fixed number of parameters"));
    }
}

fn check_parameters(task: &Ident, parameters: &[Parameter], mistakes: &mut Mistakes) {
    let mut arguments = 0;
    for parameter in parameters {
        if parameter.ident == *task {
            let message = "a parameter can't bear the task's own name; rename one of them";
            mistakes.add(Error::new(parameter.ident.span(), message));
        }
        if matches!(parameter.role, Role::Argument) {
            arguments += 1;
            check_owned(&parameter.ty, "an argument", mistakes);
        }
    }
    if arguments > MAX_ARGUMENTS {
        let message = format!("a task takes at most {MAX_ARGUMENTS} arguments; pass a struct");
        mistakes.add(Error::new(task.span(), message));
    }
}

/// Whatever travels in a message is owned by who reads it.
fn check_owned(ty: &Type, what: &'static str, mistakes: &mut Mistakes) {
    Borrows { what, mistakes }.visit_type(ty);
}

struct Borrows<'a> {
    what: &'static str,
    mistakes: &'a mut Mistakes,
}

impl<'ast> Visit<'ast> for Borrows<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let hint = match unwrap(&reference.elem) {
            Type::Path(path) if path.path.is_ident("str") => "use `String`",
            Type::Slice(_) => "use a `Vec`",
            _ => "take it by value",
        };
        let message = format!("{} travels in a message, so it can't borrow; {hint}", self.what);
        self.mistakes.add(Error::new_spanned(reference, message));
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            let message = format!(
                "{} travels in a message, so it can't borrow; use an owned type",
                self.what
            );
            self.mistakes.add(Error::new(lifetime.span(), message));
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let message = format!("{} is read from a message: name its type", self.what);
        self.mistakes.add(Error::new_spanned(ty, message));
    }

    fn visit_type(&mut self, ty: &'ast Type) {
        if let Type::Infer(_) = ty {
            let message = format!("{} is read from a message: name its type", self.what);
            self.mistakes.add(Error::new(ty.span(), message));
        }
        visit::visit_type(self, ty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn check(item: TokenStream, expected: &str) {
        let told = match Function::parse(syn::parse2(item.clone()).unwrap()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{item}: {told}");
        assert_eq!(told.is_empty(), expected.is_empty(), "{item}: {told}");
    }

    #[test]
    fn what_can_be_no_task_is_told() {
        check(
            quote!(
                fn f<T>(x: T) {}
            ),
            "no generic parameters",
        );
        check(
            quote!(
                unsafe fn f() {}
            ),
            "inside",
        );
        check(
            quote!(
                extern "C" fn f() {}
            ),
            "remove `extern`",
        );
        check(
            quote!(
                const fn f() {}
            ),
            "remove `const`",
        );
        check(
            quote!(
                fn f(f: u8) {}
            ),
            "task's own name",
        );
        check(
            quote!(
                fn f(ctx: &TaskContext) -> &str {}
            ),
            "what a task returns",
        );
        check(
            quote!(
                fn f() -> impl Display {}
            ),
            "name its type",
        );
    }

    #[test]
    fn arguments_are_owned() {
        check(
            quote!(
                fn f(x: &str) {}
            ),
            "use `String`",
        );
        check(
            quote!(
                fn f(x: &[u8]) {}
            ),
            "use a `Vec`",
        );
        check(
            quote!(
                fn f(x: Option<&u8>) {}
            ),
            "take it by value",
        );
        check(
            quote!(
                fn f(x: Cow<'_, str>) {}
            ),
            "use an owned type",
        );
        check(
            quote!(
                fn f(x: impl Display) {}
            ),
            "name its type",
        );
        check(
            quote!(
                fn f(x: Cow<'static, str>) {}
            ),
            "",
        );
    }

    #[test]
    fn a_type_named_result_is_a_result() {
        let is_result =
            |output: &str| matches!(returns(&syn::parse_str(output).unwrap()), Returns::Result(_));
        assert!(is_result("-> Result<u8, Error>"));
        assert!(is_result("-> std::io::Result<()>"));
        assert!(!is_result("-> Vec<Result<u8, Error>>"));
        assert!(!is_result("-> u8"));
    }
}
