//! Which known name was probably meant.

/// A name that differs in more than one of so many characters was not meant.
const CHARACTERS_PER_SLIP: usize = 3;

/// The known name that is nearest to `name`, if it is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|known| (distance(name, known), known));
    let (slips, nearest) = near.min_by_key(|(slips, _)| *slips)?;
    (slips <= (name.chars().count() / CHARACTERS_PER_SLIP).max(1)).then_some(nearest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_forgiven_and_other_words_are_not() {
        let known = ["concurrency", "queues", "grace"];
        let cases = [
            ("concurency", Some("concurrency")),
            ("quues", Some("queues")),
            ("gracee", Some("grace")),
            ("timeout", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
    }
}
