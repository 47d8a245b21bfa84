//! The document that `workflow!` becomes.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::graph::{condition, ident, place, reference};
use super::parse::{Entry, Step, Task, Value, Workflow};

pub(super) fn expand(workflow: &Workflow) -> TokenStream {
    let Workflow { name, version, entries, steps } = workflow;
    let written = quote!(::celeriac::__private::written);
    let (line, column) = place(name.span());
    let mut parts = vec![part("version", version.span(), &data(version.span(), &quote!(#version)))];
    parts.extend(entries.iter().map(|one| entry(workflow, one)));
    let steps = steps.iter().map(|one| step(workflow, one));
    let steps = quote!(#written::list(#line, #column, ::std::vec![#(#steps),*]));
    parts.push(part("step", name.span(), &steps));
    quote! {
        #written::document(
            ::core::file!(),
            #name,
            (#line, #column),
            #written::table(#line, #column, ::std::vec![#(#parts),*]),
        )
    }
}

fn step(workflow: &Workflow, step: &Step) -> TokenStream {
    let Step { id, task, entries } = step;
    let (line, column) = place(id.span());
    let mut parts = vec![part("id", id.span(), &text(id.span(), &id.to_string()))];
    let span = match task {
        Task::Path(path) => path.span(),
        Task::Name(name) => name.span(),
    };
    parts.push(part("task", span, &task_name(task)));
    parts.extend(entries.iter().map(|one| entry(workflow, one)));
    quote!(::celeriac::__private::written::table(#line, #column, ::std::vec![#(#parts),*]))
}

/// The name of a task: it must be one.
fn task_name(task: &Task) -> TokenStream {
    match task {
        Task::Name(name) => text(name.span(), &name.value()),
        Task::Path(path) => {
            let (line, column) = place(path.span());
            let name = quote_spanned!(path.span()=> <#path as ::celeriac::Task>::NAME);
            quote!(::celeriac::__private::written::text(#line, #column, #name))
        }
    }
}

/// A key with its value.
fn part(key: &str, span: Span, value: &TokenStream) -> TokenStream {
    let (line, column) = place(span);
    quote!((#key, (#line, #column), #value))
}

fn text(span: Span, text: &str) -> TokenStream {
    let (line, column) = place(span);
    quote!(::celeriac::__private::written::text(#line, #column, #text))
}

fn data(span: Span, expr: &TokenStream) -> TokenStream {
    let (line, column) = place(span);
    quote!(::celeriac::__private::written::value(#line, #column, &(#expr)))
}

fn entry(workflow: &Workflow, entry: &Entry) -> TokenStream {
    let Entry { key, value: given } = entry;
    let (key, span) = (key.to_string(), given.span());
    let value = match key.as_str() {
        "on_error" => ident(given).map(|policy| text(span, &policy.to_string())),
        "when" => condition(workflow, given).ok().map(|condition| text(span, &condition)),
        "needs" => Some(names(given)),
        "link" | "link_error" => Some(callbacks(workflow, given)),
        _ => None,
    };
    let value = value.unwrap_or_else(|| self::value(workflow, given));
    part(&key, entry.key.span(), &value)
}

fn names(value: &Value) -> TokenStream {
    let Value::List(span, items) = value else { return TokenStream::new() };
    let (line, column) = place(*span);
    let names = items.iter().filter_map(ident).map(|id| text(id.span(), &id.to_string()));
    quote!(::celeriac::__private::written::list(#line, #column, ::std::vec![#(#names),*]))
}

/// Tasks to be called back: one, a table with `task`, or a list of those.
fn callbacks(workflow: &Workflow, value: &Value) -> TokenStream {
    match value {
        Value::Expr(Expr::Path(path)) => task_name(&Task::Path(path.path.clone())),
        Value::List(span, items) => {
            let (line, column) = place(*span);
            let items = items.iter().map(|item| callbacks(workflow, item));
            quote!(::celeriac::__private::written::list(#line, #column, ::std::vec![#(#items),*]))
        }
        Value::Table(span, entries) => {
            let (line, column) = place(*span);
            let parts = entries.iter().map(|one| match &one.value {
                Value::Expr(Expr::Path(path)) if one.key == "task" => {
                    part("task", one.key.span(), &task_name(&Task::Path(path.path.clone())))
                }
                _ => entry(workflow, one),
            });
            quote!(::celeriac::__private::written::table(#line, #column, ::std::vec![#(#parts),*]))
        }
        Value::Expr(_) => self::value(workflow, value),
    }
}

/// A value of the program, or a reference.
fn value(workflow: &Workflow, given: &Value) -> TokenStream {
    match given {
        Value::List(span, items) => {
            let (line, column) = place(*span);
            let items = items.iter().map(|item| value(workflow, item));
            quote!(::celeriac::__private::written::list(#line, #column, ::std::vec![#(#items),*]))
        }
        Value::Table(span, entries) => {
            let (line, column) = place(*span);
            let parts = entries.iter().map(|one| {
                part(&one.key.to_string(), one.key.span(), &value(workflow, &one.value))
            });
            quote!(::celeriac::__private::written::table(#line, #column, ::std::vec![#(#parts),*]))
        }
        Value::Expr(expr) => match reference(workflow, expr) {
            Some((_, path)) => text(expr.span(), &path),
            None => data(expr.span(), &quote!(#expr)),
        },
    }
}
