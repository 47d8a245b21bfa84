//! `celeriac revoke`: takes tasks back.

use celeriac::MessageId;
use serde::Serialize;

use crate::output::View;
use crate::problem::Result;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac revoke 0198c2a0-1b2c-7d3e-8f40-123456789abc

No worker begins a revoked task, also after restarts; one that runs is asked to stop.";

/// Take tasks back: no worker runs them any more.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RevokeArgs {
    /// The tasks' ids.
    #[arg(required = true)]
    ids: Vec<MessageId>,
}

#[derive(Debug, Serialize)]
struct Revoked {
    revoked: Vec<MessageId>,
}

impl View for Revoked {
    fn text(&self) -> String {
        let lines: Vec<_> = self.revoked.iter().map(|id| format!("revoked {id}")).collect();
        lines.join("\n")
    }
}

pub(crate) async fn run(args: &RevokeArgs, session: &Session) -> Result<()> {
    session.needs_lasting_broker("nothing to revoke")?;
    session.app.revoke(&args.ids).await?;
    session.output.show(&Revoked { revoked: args.ids.clone() })
}
