//! Changelog fragments: `changelog.d/<crate>-<what>.md`.

/// The fragments that no crate's name begins. `house` stands for the
/// repository itself.
pub(super) fn check(names: &[String], packages: &[&str]) -> Vec<String> {
    let is_fragment = |name: &str| {
        let stem = name.strip_suffix(".md").unwrap_or_default();
        let mut owners = packages.iter().chain(&["house"]);
        owners.any(|owner| {
            let what = stem.strip_prefix(owner).and_then(|rest| rest.strip_prefix('-'));
            what.is_some_and(|what| !what.is_empty())
        })
    };
    let wrong = names.iter().filter(|name| *name != "README.md" && !is_fragment(name));
    wrong
        .map(|name| format!("changelog.d/{name}: name it <crate>-<what>.md, or house-<what>.md"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_begin_with_a_crate() {
        let names = |names: &[&str]| Vec::from_iter(names.iter().map(|name| (*name).to_owned()));
        let packages = ["celeriac", "celeriac-core"];
        let good = names(&["README.md", "celeriac-core-ids.md", "house-ci.md"]);
        assert_eq!(check(&good, &packages), [""; 0]);
        let bad = names(&["ids.md", "celeriac-.md", "celeriac-core-ids.txt"]);
        assert_eq!(check(&bad, &packages).len(), 3);
    }
}
