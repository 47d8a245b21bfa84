//! Rust files: headers, length, names, leftovers.

use crate::workspace::File;

const MAX_LINES: usize = 500;
const FORBIDDEN_NAMES: [&str; 9] =
    ["common", "helper", "helpers", "manager", "misc", "proto", "types", "util", "utils"];
const LEFTOVERS: [&str; 3] = ["todo!(", "unimplemented!(", "FIXME"];

/// What is wrong with these files.
pub(super) fn check(files: &[File]) -> Vec<String> {
    // Tidy itself names what it forbids, and trybuild's inputs are meant to be wrong.
    let is_exempt = |path: &str| path.starts_with("xtask/src/tidy/") || path.contains("/ui/");
    let files = files.iter().filter(|file| !is_exempt(&file.path));
    files.flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<String> {
    let path = &file.path;
    let mut violations = Vec::new();
    if !file.text.starts_with("//!") {
        violations.push(format!("{path}: it must begin with `//!`: what lives here"));
    }
    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        violations.push(format!("{path}: {lines} lines; what is its second job?"));
    }
    let parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
    for part in parts.filter(|part| FORBIDDEN_NAMES.contains(part)) {
        violations.push(format!("{path}: `{part}` says nothing; name what it holds"));
    }
    violations.extend(leftovers(file));
    violations.extend(sleeps(file));
    violations.extend(bare_allows(file));
    violations
}

fn leftovers(file: &File) -> Vec<String> {
    let mut violations = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for word in LEFTOVERS.iter().filter(|word| line.contains(**word)) {
            violations.push(format!("{}:{number}: `{word}` is left over", file.path));
        }
        if line.trim() == "#[ignore]" {
            let why = "say why: `#[ignore = \"…\"]`";
            violations.push(format!("{}:{number}: {why}", file.path));
        }
    }
    violations
}

/// Sleeps in tests. A paused or simulated clock's sleep takes no time and is none.
fn sleeps(file: &File) -> Vec<String> {
    let is_test_file = file.path.contains("/tests/");
    let is_simulated = file.path.contains("/tests/sim/");
    let is_paused =
        is_simulated || file.text.contains("start_paused = true") || file.text.contains("pause()");
    let first_test_line = file.text.lines().position(|line| line == "#[cfg(test)]");
    let first = if is_test_file { Some(0) } else { first_test_line };
    let Some(first) = first else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()).skip(first) {
        let sleeps = line.contains("thread::sleep(") || line.contains("time::sleep(") && !is_paused;
        if sleeps {
            let why = "a test that sleeps is slow and flaky; wait for what it waits for";
            violations.push(format!("{}:{number}: {why}", file.path));
        }
    }
    violations
}

/// `allow` without a reason; `expect` is better anyway. What macros write is
/// other people's code, where a lint may or may not fire.
fn bare_allows(file: &File) -> Vec<String> {
    if file.path.contains("-macros/src/") {
        return Vec::new();
    }
    let attributes = file.text.match_indices("[allow(");
    let bare = attributes.filter(|(at, _)| {
        let attribute = file.text[*at..].split(")]").next();
        !attribute.is_some_and(|attribute| attribute.contains("reason ="))
    });
    bare.map(|(at, _)| {
        let number = file.text[..at].lines().count();
        format!("{}:{number}: write `#[expect(…, reason = \"…\")]`", file.path)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(path: &str, text: &str) -> Vec<String> {
        check(&[File { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn tidy_files_pass() {
        let text = "//! Here.\n#![expect(dead_code, reason = \"r\")]\nfn f() { thread::sleep(d) }";
        assert_eq!(violations("crates/a/src/broker.rs", text), [""; 0]);
        let text = "//! Here.\n#[tokio::test(start_paused = true)]\nfn f() { time::sleep(d) }";
        assert_eq!(violations("crates/a/tests/it/main.rs", text), [""; 0]);
        assert_eq!(violations("crates/a/tests/ui/wrong.rs", "todo!()"), [""; 0]);
    }

    #[test]
    fn untidy_things_are_named() {
        let long = format!("//! Here.\n{}", "\n".repeat(500));
        let cases = [
            ("crates/a/src/a.rs", "fn f() {}", "must begin with"),
            ("crates/a/src/a.rs", long.as_str(), "501 lines"),
            ("crates/a/src/utils.rs", "//! Here.", "`utils` says nothing"),
            ("crates/a/src/common/mod.rs", "//! Here.", "`common` says nothing"),
            ("crates/a/src/a.rs", "//! Here.\ntodo!()", "a.rs:2: `todo!(`"),
            ("crates/a/src/a.rs", "//! Here.\n#[ignore]", "a.rs:2: say why"),
            ("crates/a/tests/b.rs", "//! Here.\nthread::sleep(d)", "b.rs:2: a test that sleeps"),
            ("crates/a/src/a.rs", "//! H.\n#[cfg(test)]\ntime::sleep(d)", "a.rs:3: a test"),
            ("crates/a/src/a.rs", "//! H.\n#[allow(dead_code)]", "a.rs:2: write"),
        ];
        for (path, text, expected) in cases {
            let found = violations(path, text);
            assert_eq!(found.len(), 1, "{expected}: {found:?}");
            assert!(found[0].contains(expected), "{expected}: {found:?}");
        }
    }
}
