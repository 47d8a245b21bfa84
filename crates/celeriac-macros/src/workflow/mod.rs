//! `workflow!`: a declared workflow as part of a program. What can be known
//! when it is compiled is checked here; what tasks take, when it is loaded.

mod expand;
mod graph;
mod parse;

use proc_macro2::TokenStream;
use syn::Result;

pub(crate) fn workflow(input: TokenStream) -> Result<TokenStream> {
    let workflow: parse::Workflow = syn::parse2(input)?;
    graph::check(&workflow)?;
    Ok(expand::expand(&workflow))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn told(input: TokenStream) -> String {
        match workflow(input) {
            Ok(expansion) => expansion.to_string(),
            Err(error) => error.into_iter().map(|error| format!("{error}\n")).collect(),
        }
    }

    #[test]
    fn tasks_are_types_and_references_texts() {
        let expansion = told(quote! {
            name: "nightly", version: 3,
            step extract: etl::extract { args: [3] },
            step load: "etl.load" {
                needs: [extract],
                foreach: extract.files,
                when: extract.count >= 3,
                args: { to: extract.dirs[0] },
            },
        });
        for expected in [
            "< etl :: extract as :: celeriac :: Task > :: NAME",
            "\"etl.load\"",
            "\"$['extract']['files']\"",
            "\"$['extract']['count'] >= 3\"",
            "\"$['extract']['dirs'][0]\"",
        ] {
            assert!(expansion.contains(expected), "{expected}: {expansion}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let cases = [
            (quote!(version: 1, step a: t), "add `name"),
            (quote!(name: "w", step a: t), "add `version"),
            (quote!(name: "w", version: 1), "no step"),
            (quote!(name: "w", version: 1, stp a: t), "`stp` is no key"),
            (quote!(name: "w", version: 1, step a: t, step a: t), "two steps `a`"),
            (quote!(name: "w", version: 1, step a: t { qeue: "x" }), "did you mean `queue`"),
            (quote!(name: "w", version: 1, step a: t, step b: t { needs: [c] }), "no step `c`"),
            (quote!(name: "w", version: 1, step a: t { needs: [a] }), "a cycle"),
            (
                quote!(name: "w", version: 1, step abc: t, step b: t { foreach: abc.x }),
                "add `needs: [abc]`",
            ),
            (quote!(name: "w", version: 1, step a: t { on_error: maybe }), "wait_all"),
            (quote!(name: "w", version: 1, step a: t { when: 1 + 1 }), "`step.count >= 3`"),
        ];
        for (input, expected) in cases {
            let found = told(input.clone());
            assert!(found.contains(expected), "{input}: {found}");
        }
    }
}
