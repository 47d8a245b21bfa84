//! A process that is killed with messages in its backlog on disk. The test
//! binary runs itself as a child, which sends to a broker that is down.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use celeriac_core::Broker;
use celeriac_core::broker::Limit;
use celeriac_embedded::Durable;
use celeriac_publisher::Courier;
use celeriac_testkit::probe::eventually;
use celeriac_testkit::sample::batch;
use jumpstarter::System;

use crate::outage::{Outage, Power, brisk};

const DIRECTORY: &str = "CELERIAC_TEST_DIRECTORY";
const SENT: &str = "child: sent ";

async fn courier(directory: &Path, broker: &Arc<Outage>, system: &System) -> Courier {
    let options = celeriac_embedded::Options::default();
    let disk = Durable::open(directory, options, system).await.unwrap();
    Courier::start(system, "b", broker.clone(), Some(disk), brisk())
}

/// Sends for ever to a broker that is down.
async fn send_for_ever(directory: PathBuf) {
    let (broker, system) = (Outage::new(), System::new("child"));
    broker.switch(Power::Off);
    let courier = courier(&directory, &broker, &system).await;
    for number in 0.. {
        courier.publish(&batch("q", number..number + 1), Limit::Respect).await.unwrap();
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "\n{SENT}{number}").unwrap();
        stdout.flush().unwrap();
    }
}

#[test]
fn what_was_accepted_on_disk_survives_kill_9_and_is_drained_in_order_by_the_next_start() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return runtime.block_on(send_for_ever(directory.into()));
    }
    let directory = tempfile::tempdir().unwrap();
    let this = "killed::\
                what_was_accepted_on_disk_survives_kill_9_and_is_drained_in_order_by_the_next_start";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([this, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers =
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix(SENT)?.parse::<u64>().ok());
    let sent = numbers.find(|sent| *sent >= 100);
    child.kill().unwrap();
    child.wait().unwrap();
    let sent = sent.unwrap();

    runtime.block_on(async {
        let (broker, system) = (Outage::new(), System::new("heir"));
        let courier = courier(directory.path(), &broker, &system).await;
        eventually("the backlog to be empty", || std::future::ready(courier.report().is_up)).await;
        let found = broker.depth("q").await;
        // One may have been accepted, and not told of.
        assert!(found > sent, "{found} of {sent} and one more");
        assert_eq!(broker.take("q", found as usize).await, Vec::from_iter(0..found));
        Broker::close(&courier).await;
    });
}
