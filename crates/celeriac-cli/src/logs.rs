//! The log of the commands: to stderr, for people on a terminal, else as JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output::stderr_has_colours;
use crate::problem::{Problem, Result};

/// Starts to write the log; `level` is a level or a list of `target=level`.
pub(crate) fn start(level: &str) -> Result<()> {
    // The filter would take any word for a target.
    let words = level.split(',').filter(|part| !part.contains(['=', '[']));
    let wrong = words.into_iter().find(|word| word.trim().parse::<LevelFilter>().is_err());
    let filter = EnvFilter::try_new(level).ok().filter(|_| wrong.is_none()).ok_or_else(|| {
        let hint = "give error, warn, info, debug or trace, or a list such as \
                    `info,celeriac_router=debug`";
        Problem::usage(format!("`{}` is no log level", wrong.unwrap_or(level))).hint(hint)
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if io::stderr().is_terminal() {
        log.compact().with_ansi(stderr_has_colours()).finish().try_init()
    } else {
        log.json().flatten_event(true).with_current_span(false).finish().try_init()
    };
    // The program that embeds this command line has a log of its own: keep it.
    drop(started);
    Ok(())
}
