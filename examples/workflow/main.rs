//! Runs a workflow that a file declares: `nightly.toml`, or `nightly.yaml`,
//! which says the same.
//!
//! ```console
//! $ cargo run --example workflow -- examples/workflow/nightly.yaml
//! ```

#![expect(clippy::print_stdout, reason = "a program that talks to people")]

mod tasks;

use std::path::PathBuf;

use celeriac::App;
use celeriac::declared::Document;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/workflow");
    let file = std::env::args_os().nth(1).map_or(folder.join("nightly.toml"), PathBuf::from);
    let app = tasks::registered(App::memory());
    let declared = app.load_workflows(&Document::read(file)?).await?;
    let worker = app.start_worker().await?;
    for declaration in &declared {
        let run = app.run_workflow(declaration).await?;
        println!("{}@{}: {}", declaration.name(), declaration.version(), run.get().await?);
    }
    worker.stop().await;
    app.shutdown().await;
    Ok(())
}
