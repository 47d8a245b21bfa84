//! `celeriac config`: checks the configuration, and shows what it comes to.

use celeriac::Config;

use crate::output::{Output, Reader};
use crate::problem::{Problem, Result};

const EXAMPLES: &str = "\
Examples:
  celeriac config check                         says what is wrong, at which line and key
  celeriac --config prod.toml config show       every setting, defaults included
  celeriac config show > celeriac.toml          a file to begin with

Later ones win: the program's own settings, the file, variables, flags. A variable is named
like its key: CELERIAC_BROKER, CELERIAC_WORKER__CONCURRENCY=8, CELERIAC_TASKS__RESULT_TTL=1h;
lists have commas.";

/// Check the configuration, and show what it comes to.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is valid.
    Check,
    /// Show every setting, defaults included.
    Show,
}

/// `config` was read and is valid, or the command would not have come so far.
pub(crate) fn run(command: &ConfigCommand, config: &Config, output: &Output) -> Result<()> {
    match (command, output.reader()) {
        (ConfigCommand::Check, Reader::Person) => output.line("the configuration is valid"),
        (ConfigCommand::Check, Reader::Program) => output.line(r#"{"valid":true}"#),
        (ConfigCommand::Show, Reader::Person) => output.line(config.to_toml().trim_end()),
        (ConfigCommand::Show, Reader::Program) => {
            output.line(&serde_json::to_string(config).map_err(Problem::failure)?)
        }
    }
}
