//! `layers`: which crate may depend on which, and what the walls keep out.
//!
//! The table and the walls are data ([`table`]); the checks are functions of
//! packages and files, so that each can be shown a violation.

mod table;

use anyhow::{Result, bail};

use crate::workspace::{self, File, Package};
use table::{BANNED_WORDS, CRATES, Crate, WALLS};

/// Checks the workspace.
pub(crate) fn run() -> Result<()> {
    let packages = workspace::packages()?;
    let files = workspace::rust_files()?;
    let mut violations = arrows(&packages);
    violations.extend(walls(&packages));
    violations.extend(words(&files));
    if violations.is_empty() {
        println!("layers: {} crates keep to their layers and walls", packages.len());
        return Ok(());
    }
    bail!("{} broken walls:\n  {}", violations.len(), violations.join("\n  "))
}

/// Arrows between our own crates that the table does not have.
fn arrows(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages {
        let Some(own) = find(&package.name) else {
            violations.push(format!(
                "`{}` has no layer: give it a line in xtask/src/layers/table.rs",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let is_ours = find(name).is_some() || packages.iter().any(|one| one.name == name);
            let is_dev = dependency.kind.as_deref() == Some("dev");
            let allowed = own.normal.contains(&name) || is_dev && own.dev.contains(&name);
            if is_ours && !allowed {
                violations.push(forbidden_arrow(own, name, is_dev));
            }
        }
    }
    violations
}

fn find(name: &str) -> Option<&'static Crate> {
    CRATES.iter().find(|one| one.name == name)
}

fn forbidden_arrow(own: &Crate, dependency: &str, is_dev: bool) -> String {
    let kind = if is_dev { "dev-dependency" } else { "dependency" };
    let mut allowed = own.normal.to_vec();
    if is_dev {
        allowed.extend(own.dev);
    }
    let allowed =
        if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
    format!("`{}` -> `{dependency}` ({kind}): {}; it may use {allowed}", own.name, own.rule)
}

/// Other people's crates that a wall keeps out.
fn walls(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages {
        let normal = package.dependencies.iter().filter(|one| one.kind.is_none());
        let names = Vec::from_iter(normal.map(|one| one.name.as_str()));
        for wall in WALLS {
            for name in names.iter().filter(|name| wall.keeps_out(&package.name, name)) {
                violations.push(format!("`{}` -> `{name}`: {}", package.name, wall.rule));
            }
        }
    }
    violations
}

/// Words that the source of a crate may not contain outside of its tests.
fn words(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for ban in BANNED_WORDS {
        let sources = format!("crates/{}/src/", ban.package);
        for file in files.iter().filter(|file| file.path.starts_with(&sources)) {
            let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in (1..).zip(code.lines()) {
                let line = line.split("//").next().unwrap_or_default();
                for word in ban.words.iter().filter(|word| line.contains(**word)) {
                    violations.push(format!("{}:{number}: `{word}`: {}", file.path, ban.rule));
                }
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, normal: &[&str], dev: &[&str]) -> Package {
        let dependency = |name: &&str, kind: Option<&str>| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
        };
        let normal = normal.iter().map(|name| dependency(name, None));
        let dev = dev.iter().map(|name| dependency(name, Some("dev")));
        Package { name: name.to_owned(), dependencies: normal.chain(dev).collect() }
    }

    fn check(name: &str, normal: &[&str], dev: &[&str], expected: &[&str]) {
        let packages = [package(name, normal, dev)];
        let violations = [arrows(&packages), walls(&packages)].concat();
        assert_eq!(violations.len(), expected.len(), "{violations:?}");
        for (violation, expected) in violations.iter().zip(expected) {
            assert!(violation.contains(expected), "{violation}");
        }
    }

    #[test]
    fn what_the_table_allows_passes() {
        check("celeriac-core", &["bytes", "serde"], &["proptest"], &[]);
        check("celeriac-embedded", &["celeriac-core", "rusqlite"], &["celeriac-testkit"], &[]);
        let core_only = ["celeriac-core", "celeriac-engine", "jumpstarter"];
        check("celeriac-router", &core_only, &["celeriac-embedded", "celeriac-testkit"], &[]);
    }

    #[test]
    fn arrows_point_only_down() {
        let engine = ["celeriac-engine"];
        check("celeriac-core", &engine, &[], &["`celeriac-core` -> `celeriac-engine`"]);
        check("jumpstarter", &["celeriac-core"], &[], &["knows no tasks"]);
        let role = ["celeriac-worker"];
        check("celeriac-router", &role, &[], &["roles never import roles"]);
        check("celeriac-router", &[], &role, &["(dev-dependency): roles never"]);
        let driver = ["celeriac-embedded"];
        check("celeriac-publisher", &driver, &[], &["or a driver"]);
        check("celeriac-engine", &["jumpstarter"], &[], &["it may use celeriac-core"]);
        check("celeriac", &["celeriac-testkit"], &[], &["`celeriac` -> `celeriac-testkit`"]);
        check("celeriac-unheard-of", &[], &[], &["`celeriac-unheard-of` has no layer"]);
    }

    #[test]
    fn walls_keep_libraries_out() {
        check("celeriac-core", &["tokio"], &[], &["contract"]);
        check("celeriac-core", &["serde_yaml"], &[], &["contract"]);
        check("celeriac-engine", &["rand"], &[], &["purity"]);
        check("celeriac-router", &["rusqlite"], &[], &["driver"]);
        check("celeriac", &["pyo3"], &[], &["language"]);
        check("celeriac-worker", &["anyhow"], &[], &["anyhow"]);
    }

    #[test]
    fn the_engine_reads_no_clock() {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let engine = "crates/celeriac-engine/src/retry.rs";
        let clock = "fn f() {}\nlet now = Instant::now();";
        let violations = words(&[file(engine, clock)]);
        assert_eq!(violations.len(), 1);
        assert!(violations[0].starts_with("crates/celeriac-engine/src/retry.rs:2: "));
        let harmless = "// Instant::now()\n#[cfg(test)]\nmod tests { Instant::now() }";
        assert_eq!(words(&[file(engine, harmless)]), [""; 0]);
        assert_eq!(words(&[file("crates/celeriac-worker/src/a.rs", clock)]), [""; 0]);
    }
}
