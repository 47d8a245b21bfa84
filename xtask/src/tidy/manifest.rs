//! The workspace's table of dependencies: each is there for a reason.

/// Entries of `[workspace.dependencies]` that no comment explains. Entries
/// that follow each other share the comment above the first.
pub(super) fn check(manifest: &str) -> Vec<String> {
    let table = manifest.split("[workspace.dependencies]").nth(1);
    let lines = table.unwrap_or_default().lines().take_while(|line| !line.starts_with('['));
    let mut is_explained = false;
    let mut violations = Vec::new();
    for line in lines {
        if line.starts_with('#') {
            is_explained = true;
        } else if line.is_empty() {
            is_explained = false;
        } else if let Some((name, _)) = line.split_once(" = ")
            && !line.starts_with(' ')
            && !is_explained
        {
            violations.push(format!("Cargo.toml: why `{name}`? Give it a comment line above"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dependency_is_explained() {
        let good = "[workspace.dependencies]\n# Tests.\na = \"1\"\nb = \"1\"\n\n[x]\nc = \"1\"";
        assert_eq!(check(good), [""; 0]);
        let bad = "[workspace.dependencies]\n# Tests.\na = \"1\"\n\nb = { version = \"1\" }";
        let found = check(bad);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("why `b`?"));
    }
}
