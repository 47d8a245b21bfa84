//! BullMQ on Node.

use anyhow::Result;
use tokio::process::Command;

use crate::figures::Figures;
use crate::load::Load;
use crate::program;

const PACKAGES: [&str; 2] = ["bullmq@6.7.0", "ioredis@5"];

pub async fn measure(load: &Load) -> Result<Figures> {
    let (folder, is_there) = program::packages("bullmq")?;
    if !is_there {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"]).arg(&folder);
        program::install(npm.args(PACKAGES)).await?;
        program::installed(&folder)?;
    }
    // Node looks for packages beside the program.
    let name = "bullmq_peer.mjs";
    std::fs::copy(program::path(name), folder.join(name))?;
    program::run(Command::new("node").arg(folder.join(name)), load).await
}
