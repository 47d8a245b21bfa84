//! `celeriac completions`: completion scripts for shells.

use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::output::Output;
use crate::problem::{Problem, Result};

const EXAMPLES: &str = "\
Examples:
  celeriac completions bash > ~/.local/share/bash-completion/completions/celeriac
  celeriac completions zsh > ~/.zfunc/_celeriac
  celeriac completions fish > ~/.config/fish/completions/celeriac.fish";

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, output: &Output) -> Result<()> {
    let mut script = io::Cursor::new(Vec::new());
    let mut command = Arguments::command();
    let name = program().unwrap_or_else(|| command.get_name().to_owned());
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    let script = String::from_utf8(script.into_inner()).map_err(Problem::failure)?;
    output.line(script.trim_end())
}

/// The name that this program was called by.
fn program() -> Option<String> {
    let path = std::env::args_os().next()?;
    Some(Path::new(&path).file_name()?.to_string_lossy().into_owned())
}
