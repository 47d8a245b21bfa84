//! How much is sent, and how often something fails.

/// One number of the environment.
fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(format!("CELERIAC_CHAOS_{name}")).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How many tasks must have been accepted before the storm ends.
pub(crate) fn tasks() -> u64 {
    number("TASKS", 2_000)
}

/// How many workflows must have been accepted before the storm ends.
pub(crate) fn workflows() -> u64 {
    number("WORKFLOWS", 10)
}

/// How much must have failed before the storm ends.
pub(crate) fn faults() -> usize {
    usize::try_from(number("FAULTS", 10)).unwrap()
}

/// What decides the storm: who fails when, and how.
pub(crate) fn seed() -> u64 {
    number("SEED", u64::from(std::process::id()))
}
