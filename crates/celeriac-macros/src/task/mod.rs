//! `#[celeriac::task]`: a task type from a function.
//!
//! [`options`] reads the attribute, [`function`] checks the function,
//! [`parameters`] tells arguments from what the worker gives, [`expand`] writes
//! the code. Mistakes are collected, so that all are told at once.

mod expand;
mod function;
mod options;
mod parameters;

use proc_macro2::TokenStream;
use syn::{Error, ItemFn, Result};

use function::Function;
use options::Options;

pub(crate) fn task(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item = syn::parse2::<ItemFn>(item).map_err(|error| {
        let hint = "`#[celeriac::task]` stands before a function with a body";
        Error::new(error.span(), format!("{hint}: {error}"))
    })?;
    let mut mistakes = Mistakes::default();
    let options = mistakes.collect(Options::parse(attribute));
    let function = mistakes.collect(Function::parse(item));
    match (options, function, mistakes.0) {
        (Some(options), Some(function), None) => Ok(expand::expand(&options, &function)),
        (_, _, Some(mistakes)) => Err(mistakes),
        (_, _, None) => Ok(TokenStream::new()),
    }
}

/// The mistakes found so far, as one error.
#[derive(Default)]
struct Mistakes(Option<Error>);

impl Mistakes {
    fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    fn collect<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    fn none_or<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn all_mistakes_are_told_at_once() {
        let attribute = quote!(priority = 10, qeue = "mail");
        let item = quote!(
            async fn send<T>(to: &str) {}
        );
        let told = task(attribute, item).unwrap_err().into_iter().map(|error| error.to_string());
        assert_eq!(told.count(), 4);
    }

    #[test]
    fn only_functions_are_tasks() {
        let error = task(
            quote!(),
            quote!(
                struct Send;
            ),
        )
        .unwrap_err();
        assert!(error.to_string().contains("before a function"), "{error}");
    }
}
