//! The program `celeriac`: the command line without tasks of its own.

use std::process::ExitCode;

use celeriac::{App, Config};

/// Messages are allocated by one thread and freed by another all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match App::from_config(Config::default()) {
        Ok(app) => celeriac_cli::run(app),
        // The default address is a good one; a test of `Config` says so.
        Err(_) => ExitCode::FAILURE,
    }
}
