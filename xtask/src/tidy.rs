//! `tidy`: what neither the compiler nor clippy sees.

mod changelog;
mod manifest;
mod rules;
mod sources;

use anyhow::{Result, bail};

use crate::workspace::{self, File};

/// How long `ARCHITECTURE.md` may be: what nobody reads to the end is no map.
const ARCHITECTURE_LINES: usize = 300;

/// Checks the repository's files.
pub(crate) fn run() -> Result<()> {
    let files = workspace::rust_files()?;
    let packages = workspace::packages()?;
    let packages = Vec::from_iter(packages.iter().map(|package| package.name.as_str()));

    let mut violations = sources::check(&files);
    let duties = ["broker", "store", "sink", "source"];
    let duties = duties.map(|page| File::read(&format!("docs/spec/{page}.md")));
    let duties = duties.into_iter().collect::<Result<Vec<_>>>()?;
    violations.extend(rules::check(&duties, &files));
    violations.extend(manifest::check(&File::read("Cargo.toml")?.text));
    violations.extend(changelog::check(&workspace::entries("changelog.d")?, &packages));
    violations.extend(architecture(&File::read("ARCHITECTURE.md")?.text));
    if violations.is_empty() {
        println!("tidy: {} Rust files are in order", files.len());
        return Ok(());
    }
    bail!("{} untidy things:\n  {}", violations.len(), violations.join("\n  "))
}

fn architecture(text: &str) -> Option<String> {
    let lines = text.lines().count();
    let too_long = format!("ARCHITECTURE.md has {lines} lines; at most {ARCHITECTURE_LINES}");
    (lines > ARCHITECTURE_LINES).then_some(too_long)
}
