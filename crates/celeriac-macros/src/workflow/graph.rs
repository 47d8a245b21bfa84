//! What can be known of the steps when they are compiled: names, needs, cycles,
//! and references to what is needed.

use proc_macro2::Span;
use syn::{BinOp, Error, Expr, ExprBinary, ExprField, ExprIndex, ExprLit, Ident, Lit, Member};
use syn::{Result, UnOp};

use super::parse::{Entry, Step, Value, Workflow};

const POLICIES: [&str; 3] = ["wait_all", "fail_fast", "settle"];

/// Checks all steps, and tells all that is wrong.
pub(super) fn check(workflow: &Workflow) -> Result<()> {
    let mut mistakes: Option<Error> = None;
    let mut add = |error: Error| match &mut mistakes {
        Some(all) => all.combine(error),
        None => mistakes = Some(error),
    };
    for (at, Step { id, .. }) in workflow.steps.iter().enumerate() {
        if workflow.steps[..at].iter().any(|before| before.id == *id) {
            add(Error::new(id.span(), format!("two steps `{id}`; rename one of them")));
        }
    }
    for step in &workflow.steps {
        if let Err(error) = check_step(workflow, step) {
            add(error);
        }
    }
    for Entry { key, value } in &workflow.entries {
        if key == "on_error"
            && let Err(error) = policy(value)
        {
            add(error);
        }
    }
    match mistakes {
        Some(error) => Err(error),
        None => no_cycle(workflow),
    }
}

fn check_step(workflow: &Workflow, step: &Step) -> Result<()> {
    let needs = needs(step)?;
    for need in needs.iter().copied() {
        if !workflow.steps.iter().any(|step| step.id == *need) {
            let ids: Vec<_> = workflow.steps.iter().map(|step| step.id.to_string()).collect();
            let meant = nearest(&need.to_string(), ids.iter().map(String::as_str));
            let hint = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
            return Err(Error::new(need.span(), format!("there is no step `{need}`{hint}")));
        }
    }
    for Entry { key, value } in &step.entries {
        match key.to_string().as_str() {
            "on_error" => {
                policy(value)?;
            }
            "foreach" => match value {
                Value::Expr(expr) if reference(workflow, expr).is_some() => {}
                other => {
                    let message = "`foreach` is a list in what a step gave, as in `step.files`";
                    return Err(Error::new(other.span(), message));
                }
            },
            "when" => {
                condition(workflow, value)?;
            }
            _ => {}
        }
        if matches!(key.to_string().as_str(), "args" | "foreach" | "when") {
            references(workflow, value, &needs)?;
        }
    }
    Ok(())
}

/// The ids that a step needs.
pub(super) fn needs(step: &Step) -> Result<Vec<&Ident>> {
    let Some(entry) = step.entries.iter().find(|entry| entry.key == "needs") else {
        return Ok(Vec::new());
    };
    let wrong = |span| Error::new(span, "`needs` is a list of steps, as in `needs: [extract]`");
    let Value::List(_, items) = &entry.value else {
        return Err(wrong(entry.value.span()));
    };
    items.iter().map(|item| ident(item).ok_or_else(|| wrong(item.span()))).collect()
}

/// A value that is a plain name.
pub(super) fn ident(value: &Value) -> Option<&Ident> {
    match value {
        Value::Expr(Expr::Path(path)) => path.path.get_ident(),
        _ => None,
    }
}

fn policy(value: &Value) -> Result<()> {
    match ident(value) {
        Some(policy) if POLICIES.iter().any(|known| policy == known) => Ok(()),
        _ => {
            let message = "`on_error` is wait_all, fail_fast or settle; a task to be called back \
                           goes to `link_error`";
            Err(Error::new(value.span(), message))
        }
    }
}

/// What an expression refers to: the step, and the path as text.
pub(super) fn reference(workflow: &Workflow, expr: &Expr) -> Option<(Ident, String)> {
    match expr {
        Expr::Path(path) => {
            let id = path.path.get_ident()?;
            let is_step = workflow.steps.iter().any(|step| step.id == *id);
            is_step.then(|| (id.clone(), format!("$['{id}']")))
        }
        Expr::Field(ExprField { base, member, .. }) => {
            let (id, path) = reference(workflow, base)?;
            Some(match member {
                Member::Named(name) => (id, format!("{path}['{name}']")),
                Member::Unnamed(index) => (id, format!("{path}[{}]", index.index)),
            })
        }
        Expr::Index(ExprIndex { expr, index, .. }) => {
            let (id, path) = reference(workflow, expr)?;
            match &**index {
                Expr::Lit(ExprLit { lit: Lit::Int(at), .. }) => {
                    Some((id, format!("{path}[{}]", at.base10_digits())))
                }
                Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => {
                    Some((id, format!("{path}['{}']", name.value())))
                }
                _ => None,
            }
        }
        Expr::Paren(inner) => reference(workflow, &inner.expr),
        _ => None,
    }
}

fn references(workflow: &Workflow, value: &Value, needs: &[&Ident]) -> Result<()> {
    match value {
        Value::List(_, items) => {
            items.iter().try_for_each(|item| references(workflow, item, needs))
        }
        Value::Table(_, entries) => {
            entries.iter().try_for_each(|entry| references(workflow, &entry.value, needs))
        }
        Value::Expr(Expr::Binary(ExprBinary { left, .. })) => needed(workflow, left, needs),
        Value::Expr(expr) => needed(workflow, expr, needs),
    }
}

fn needed(workflow: &Workflow, expr: &Expr, needs: &[&Ident]) -> Result<()> {
    match reference(workflow, expr) {
        Some((id, _)) if !needs.contains(&&id) => {
            let message = format!("this step does not need `{id}`; add `needs: [{id}]`");
            Err(Error::new(id.span(), message))
        }
        _ => Ok(()),
    }
}

/// A condition as a text: `$['extract']['count'] >= 3`.
pub(super) fn condition(workflow: &Workflow, value: &Value) -> Result<String> {
    let wrong = || {
        let message = "`when` is a comparison of what a step gave with a literal, as in \
                       `step.count >= 3`, or just `step.count`: whether it is there";
        Error::new(value.span(), message)
    };
    let Value::Expr(expr) = value else { return Err(wrong()) };
    let Expr::Binary(ExprBinary { left, op, right, .. }) = expr else {
        return reference(workflow, expr).map(|(_, path)| path).ok_or_else(wrong);
    };
    let sign = match op {
        BinOp::Eq(_) => "==",
        BinOp::Ne(_) => "!=",
        BinOp::Lt(_) => "<",
        BinOp::Le(_) => "<=",
        BinOp::Gt(_) => ">",
        BinOp::Ge(_) => ">=",
        _ => return Err(wrong()),
    };
    let (_, path) = reference(workflow, left).ok_or_else(wrong)?;
    let with = literal(right).ok_or_else(wrong)?;
    Ok(format!("{path} {sign} {with}"))
}

/// A literal in JSON.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Some(format!("{:?}", text.value())),
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Float(number) => Some(number.base10_digits().to_owned()),
            Lit::Bool(value) => Some(value.value.to_string()),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            Some(format!("-{}", literal(&unary.expr)?))
        }
        _ => None,
    }
}

fn no_cycle(workflow: &Workflow) -> Result<()> {
    let mut open: Vec<&Step> = workflow.steps.iter().collect();
    loop {
        let is_open = |id: &Ident| open.iter().any(|step| step.id == *id);
        let mut ready = None;
        for (at, step) in open.iter().enumerate() {
            if !needs(step)?.into_iter().any(is_open) {
                ready = Some(at);
                break;
            }
        }
        match ready {
            Some(at) => open.remove(at),
            None => break,
        };
    }
    let Some(first) = open.first() else { return Ok(()) };
    let ids: Vec<_> = open.iter().map(|step| format!("`{}`", step.id)).collect();
    let message = format!("a cycle: each of {} waits for another of them", ids.join(", "));
    Err(Error::new(first.id.span(), message))
}

/// The known name that is nearest, if it differs in one character of three.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (distance(name, known), known));
    let (slips, nearest) = near.min_by_key(|(slips, _)| *slips)?;
    (slips <= (name.chars().count() / 3).max(1)).then_some(nearest)
}

/// How many characters must be added, removed or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, against) in other.iter().enumerate() {
            let changed = diagonal + usize::from(character != *against);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

/// The line and the column of a span, both from 1; 1 outside of a macro.
pub(super) fn place(span: Span) -> (usize, usize) {
    if !proc_macro::is_available() {
        return (1, 1);
    }
    let span = span.unwrap();
    (span.line(), span.column())
}
