//! The rules of `docs/spec` and the cases of the conformance suite, both ways.
//!
//! A rule is a list item `- **B-01** …`. A case is a `pub async fn` of the
//! testkit whose documentation begins `/// B-01: …`. It runs if the table in
//! `suite.rs` has it, under the same rule.

use std::collections::BTreeSet;

use crate::workspace::File;

const TABLE: &str = "crates/celeriac-testkit/src/suite.rs";
const CASES: [&str; 4] = [
    "crates/celeriac-testkit/src/broker/",
    "crates/celeriac-testkit/src/sink/",
    "crates/celeriac-testkit/src/source/",
    "crates/celeriac-testkit/src/store/",
];

/// A case: its rule, its module and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    rule: String,
    module: String,
    name: String,
}

/// Where rules and cases do not match.
pub(super) fn check(pages: &[File], files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut rules = BTreeSet::new();
    for page in pages {
        for rule in page.text.lines().filter_map(rule_of_item) {
            if !rules.insert(rule.to_owned()) {
                violations.push(format!("{}: the rule {rule} is there twice", page.path));
            }
        }
    }
    let is_case = |file: &&File| CASES.iter().any(|folder| file.path.starts_with(folder));
    let cases = BTreeSet::from_iter(files.iter().filter(is_case).flat_map(cases_of_file));
    let table = files.iter().find(|file| file.path == TABLE);
    let table = BTreeSet::from_iter(table.iter().flat_map(|file| cases_of_table(&file.text)));

    for rule in &rules {
        if !cases.iter().any(|case| case.rule == *rule) {
            violations.push(format!("{rule} has no case in celeriac-testkit"));
        }
    }
    for case in &cases {
        let Case { rule, module, name } = case;
        if rule.is_empty() {
            violations.push(format!("{module}::{name} proves no rule: begin with `/// B-01: …`"));
        } else if !rules.contains(rule) {
            violations.push(format!("{module}::{name} proves {rule}, which docs/spec lacks"));
        } else if !table.contains(case) {
            let line = format!("`\"{rule}\" {name};`");
            violations.push(format!("{module}::{name} never runs: {TABLE} lacks {line}"));
        }
    }
    for Case { rule, module, name } in table.difference(&cases) {
        violations.push(format!("{TABLE}: {module}::{name} is no case of {rule}"));
    }
    violations
}

fn rule_of_item(line: &str) -> Option<&str> {
    line.strip_prefix("- **")?.split("**").next()
}

fn cases_of_file(file: &File) -> Vec<Case> {
    let path = file.path.trim_end_matches(".rs");
    let parts = Vec::from_iter(path.rsplit('/').take(2));
    let module = format!("{}::{}", parts[1], parts[0]);
    let mut cases = Vec::new();
    let mut rule = String::new();
    for line in file.text.lines() {
        if let Some(name) = line.strip_prefix("pub async fn ") {
            let end = name.find(['(', '<']).unwrap_or(name.len());
            cases.push(Case {
                rule: std::mem::take(&mut rule),
                module: module.clone(),
                name: name[..end].to_owned(),
            });
        } else if let Some(text) = line.strip_prefix("/// ") {
            if rule.is_empty() {
                rule = rule_of_text(text).to_owned();
            }
        } else {
            rule.clear();
        }
    }
    cases
}

/// The `B-01` of `B-01: text`; empty if there is none.
fn rule_of_text(text: &str) -> &str {
    let rule = text.split(':').next().unwrap_or_default();
    let is_rule =
        rule.len() == 4 && rule.starts_with(['B', 'K', 'R', 'S']) && rule[1..].starts_with('-');
    if is_rule { rule } else { "" }
}

fn cases_of_table(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut module = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(path) = line.strip_suffix(" {").filter(|path| path.contains("::")) {
            module = path.to_owned();
        }
        let Some((rule, name)) = line.strip_prefix('"').and_then(|rest| rest.split_once("\" "))
        else {
            continue;
        };
        cases.push(Case {
            rule: rule.to_owned(),
            module: module.clone(),
            name: name.trim_end_matches(';').to_owned(),
        });
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn violations(page: &str, cases: &str, table: &str) -> Vec<String> {
        let pages = [file("docs/spec/broker.md", page)];
        let files = [
            file("crates/celeriac-testkit/src/broker/order.rs", cases),
            file(TABLE, &format!("broker::order {{\n{table}\n}}")),
        ];
        check(&pages, &files)
    }

    const PAGE: &str = "- **B-01** First.";
    const CASE: &str = "/// B-01: first.\n/// More.\npub async fn first(h: H) {}";
    const ROW: &str = "\"B-01\" first;";

    #[test]
    fn what_matches_passes() {
        assert_eq!(violations(PAGE, CASE, ROW), [""; 0]);
    }

    #[test]
    fn what_does_not_match_is_named() {
        let twice = format!("{PAGE}\n{PAGE}");
        let two = format!("{PAGE}\n- **B-02** Second.");
        let unruled = format!("{CASE}\n/// Nothing.\npub async fn second(h: H) {{}}");
        let unknown = format!("{CASE}\n/// B-09: x.\npub async fn ninth(h: H) {{}}");
        let rows = format!("{ROW}\n\"B-01\" gone;");
        let cases = [
            (twice.as_str(), CASE, ROW, "B-01 is there twice"),
            (&two, CASE, ROW, "B-02 has no case"),
            (PAGE, &unruled, ROW, "broker::order::second proves no rule"),
            (PAGE, &unknown, ROW, "proves B-09, which docs/spec lacks"),
            (PAGE, CASE, "", "broker::order::first never runs"),
            (PAGE, CASE, &rows, "broker::order::gone is no case"),
        ];
        for (page, cases, table, expected) in cases {
            let found = violations(page, cases, table);
            assert_eq!(found.len(), 1, "{expected}: {found:?}");
            assert!(found[0].contains(expected), "{expected}: {found:?}");
        }
    }
}
