//! The parameters of a task: arguments that travel, and what the worker gives.

use proc_macro2::Ident;
use syn::{Error, FnArg, GenericArgument, Pat, PathArguments, Result, Type};

use super::function::unwrap;

/// A parameter with a plain name.
pub(super) struct Parameter {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    pub(super) role: Role,
}

/// Where a parameter's value comes from.
pub(super) enum Role {
    /// From the message.
    Argument,
    /// It is the run's context.
    Context,
    /// From the app: the type `T` of `State<T>`.
    State(Box<Type>),
}

impl Parameter {
    pub(super) fn parse(input: &FnArg) -> Result<Self> {
        let typed = match input {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                let message = "a task has no `self`: it may run in another process; \
                               ask for `State<T>` to share a value";
                return Err(Error::new_spanned(receiver, message));
            }
        };
        if let Some(attribute) = typed.attrs.iter().find(|a| a.path().is_ident("cfg")) {
            let message = "callers and workers must agree on the parameters; remove `cfg`";
            return Err(Error::new_spanned(attribute, message));
        }
        let ident = plain_name(&typed.pat)?;
        let role = role(unwrap(&typed.ty))?;
        Ok(Self { ident, ty: Type::clone(&typed.ty), role })
    }
}

fn plain_name(pattern: &Pat) -> Result<Ident> {
    match pattern {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Ok(name.ident.clone())
        }
        _ => {
            let message = "callers may give arguments by name: write a plain name here, \
                           and take it apart inside the function";
            Err(Error::new_spanned(pattern, message))
        }
    }
}

fn role(ty: &Type) -> Result<Role> {
    match ty {
        Type::Reference(reference) if ends_in(unwrap(&reference.elem), "TaskContext") => {
            if reference.mutability.is_some() {
                let message = "the context is shared: write `&TaskContext`";
                return Err(Error::new_spanned(reference, message));
            }
            Ok(Role::Context)
        }
        _ if ends_in(ty, "TaskContext") => {
            Err(Error::new_spanned(ty, "the context is lent: write `&TaskContext`"))
        }
        Type::Reference(reference) => match state(unwrap(&reference.elem)) {
            Some(_) => {
                let message = "`State<T>` is a cheap handle: take it by value";
                Err(Error::new_spanned(reference, message))
            }
            None => Ok(Role::Argument),
        },
        _ => Ok(state(ty).map_or(Role::Argument, |of| Role::State(Box::new(of)))),
    }
}

fn ends_in(ty: &Type, name: &str) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// The `T` of a type that ends in `State<T>`. A `State` without parameters is a
/// type of the user's own.
fn state(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(of)) if segment.ident == "State" => Some(of.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(input: &str) -> Result<Parameter> {
        Parameter::parse(&syn::parse_str(input).unwrap())
    }

    #[test]
    fn the_type_says_where_a_value_comes_from() {
        let role = |input: &str| parse(input).unwrap().role;
        assert!(matches!(role("x: u8"), Role::Argument));
        assert!(matches!(role("mut x: u8"), Role::Argument));
        assert!(matches!(role("x: State"), Role::Argument));
        assert!(matches!(role("x: MyState<u8>"), Role::Argument));
        assert!(matches!(role("x: &TaskContext"), Role::Context));
        assert!(matches!(role("x: &celeriac::TaskContext"), Role::Context));
        assert!(matches!(role("x: State<Db>"), Role::State(_)));
        assert!(matches!(role("x: celeriac::State<Vec<u8>>"), Role::State(_)));
    }

    #[test]
    fn mistakes_are_told() {
        let cases = [
            ("self", "no `self`"),
            ("&self", "no `self`"),
            ("(a, b): (u8, u8)", "a plain name"),
            ("_: u8", "a plain name"),
            ("ref x: u8", "a plain name"),
            ("x: TaskContext", "write `&TaskContext`"),
            ("x: &mut TaskContext", "write `&TaskContext`"),
            ("x: &State<Db>", "by value"),
            ("#[cfg(test)] x: u8", "remove `cfg`"),
        ];
        for (input, expected) in cases {
            let error = parse(input).err().unwrap().to_string();
            assert!(error.contains(expected), "{input}: {error}");
        }
    }
}
