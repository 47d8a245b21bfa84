//! Runs one measurement after the other, each in a process of its own, at a
//! server that is started for them and stopped afterwards.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::figures::{Figures, Row};
use crate::peers::Peer;
use crate::server::{Kind, Server};

/// What is measured.
pub struct Plan {
    pub peers: Vec<Peer>,
    pub quick: bool,
    pub celeriac: PathBuf,
}

pub fn all(plan: &Plan) -> Result<Vec<Row>> {
    let mut servers: HashMap<Kind, Server> = HashMap::new();
    let mut rows = Vec::new();
    for peer in &plan.peers {
        let profile = peer.profile();
        eprint!("{} …", profile.name);
        let begun = Instant::now();
        let figures = measure(plan, *peer, &mut servers);
        eprintln!(" {:.0} s", begun.elapsed().as_secs_f64());
        let (figures, note) = match figures {
            Ok(figures) => (figures, None),
            Err(error) => {
                let elsewhere = Figures { drained_per_s: profile.elsewhere, ..Figures::default() };
                let why = format!("{error:#}");
                let why = why.lines().next().unwrap_or_default();
                (elsewhere, Some(format!("not measured here ({why})")))
            }
        };
        let (name, promise) = (profile.name, profile.promise);
        rows.push(Row { name, server: profile.server.name(), promise, figures, note });
    }
    Ok(rows)
}

fn measure(plan: &Plan, peer: Peer, servers: &mut HashMap<Kind, Server>) -> Result<Figures> {
    let profile = peer.profile();
    if !servers.contains_key(&profile.server) {
        servers.insert(profile.server, Server::start(profile.server)?);
    }
    if profile.server.needs_store() && !servers.contains_key(&Kind::Redis) {
        servers.insert(Kind::Redis, Server::start(Kind::Redis)?);
    }
    let server = &servers[&profile.server];
    server.clear()?;
    let store = servers.get(&Kind::Redis).filter(|_| profile.server.needs_store());
    store.map_or(Ok(()), Server::clear)?;
    let tasks = if plan.quick { profile.tasks.0 } else { profile.tasks.1 };
    let name = clap::ValueEnum::to_possible_value(&peer).context("a peer has a name")?;
    let measured = Command::new(std::env::current_exe()?)
        .arg("--celeriac")
        .arg(&plan.celeriac)
        .args(["measure", name.get_name(), server.address(), &tasks.to_string()])
        .args(store.into_iter().flat_map(|store| ["--store", store.address()]))
        .stderr(Stdio::piped())
        .output()?;
    if !measured.status.success() {
        let told = String::from_utf8_lossy(&measured.stderr);
        let line = told.lines().find(|line| line.starts_with("Error: ")).unwrap_or("it failed");
        bail!("{}", line.trim_start_matches("Error: "));
    }
    let printed = String::from_utf8_lossy(&measured.stdout);
    // Some peers print as well.
    let figures = printed.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    figures.context("it told no figures")
}
