//! Celeriac, as anybody can measure it: `celeriac bench`.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::figures::Figures;
use crate::load::Load;

/// The address with names of this measurement's own: the server has others' too.
fn own(address: &str, plain: bool) -> String {
    let name = format!("bench{}", std::process::id());
    match address.split_once("://") {
        Some(("amqp", _)) => format!("{address}?prefix={name}&priorities={}", !plain),
        Some(("nats", _)) => format!("{address}?prefix={name}"),
        Some(("postgres", _)) => format!("{address}?schema={name}"),
        _ => address.to_owned(),
    }
}

/// With queues that have priorities where the server can, or with `plain` ones.
pub async fn measure(load: &Load, plain: bool) -> Result<Figures> {
    let store = load.store.iter().flat_map(|store| ["--store", store]);
    let output = Command::new(&load.celeriac)
        .args(["--json", "--broker", &own(&load.address, plain)])
        .args(store)
        .arg("bench")
        .args(["--tasks", &load.tasks.to_string()])
        .args(["--payload", &load.payload.len().to_string()])
        .output()
        .await
        .with_context(|| format!("`{}` can't be started", load.celeriac.display()))?;
    if !output.status.success() {
        bail!("celeriac bench: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let of = |name: &str| report[name].as_f64();
    let backlog = |name: &str| report["backlog"][name].as_f64();
    Ok(Figures {
        one_by_one_per_s: None,
        callers_per_s: backlog("callers_per_s"),
        bulk_per_s: backlog("bulk_per_s"),
        drained_per_s: backlog("drained_per_s"),
        cpu_s_per_10k: backlog("cpu_s_per_10k"),
        server_cpu_s_per_10k: backlog("server_cpu_s_per_10k"),
        latency_p50_us: of("latency_p50_us"),
        latency_p99_us: of("latency_p99_us"),
        chord_1000_ms: of("chord_1000_ms"),
        chain_200_ms: of("chain_200_ms"),
    })
}
