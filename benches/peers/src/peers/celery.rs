//! Celery, with results in Redis and late acknowledgement.

use anyhow::Result;
use tokio::process::Command;

use crate::figures::Figures;
use crate::load::Load;
use crate::program;

const PACKAGES: &str = "celery[redis]==5.7.0";

pub async fn measure(load: &Load) -> Result<Figures> {
    let (folder, is_there) = program::packages("celery")?;
    let python = folder.join("bin/python");
    if !is_there {
        program::install(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
        let mut pip = Command::new(&python);
        program::install(pip.args(["-m", "pip", "install", "--quiet", PACKAGES])).await?;
        program::installed(&folder)?;
    }
    let mut celery = Command::new(&python);
    celery.arg(program::path("celery_peer.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    program::run(&mut celery, load).await
}
