//! Asks before something is lost.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::problem::{Problem, Result};

/// Goes on only if a person at the terminal agrees.
pub(crate) fn confirm(question: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        return Err(Problem::usage("nobody is there to be asked").hint("add --yes to go on"));
    }
    let failed = |error: io::Error| Problem::failure(format!("failed to ask: {error}"));
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Problem::failure("nothing was done")),
    }
}
