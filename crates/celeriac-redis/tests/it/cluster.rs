//! A cluster of three servers: cases of the suite from every domain, whose
//! keys fall into the slots of all of them.

use std::process::Command;

use celeriac_core::Sink as _;
use celeriac_redis::Sink;
use celeriac_testkit::probe::WATCHDOG;
use celeriac_testkit::{broker, run, sample, store};

use crate::harness::On;
use celeriac_testkit::server::{Kind, Server};

/// Starts three servers and makes a cluster of them.
fn cluster() -> Option<Vec<Server>> {
    let arguments = ["--cluster-enabled", "yes", "--appendfsync", "no"];
    let nodes = (0..3).map(|_| Server::start(Kind::Redis, &arguments));
    let nodes = nodes.collect::<Option<Vec<Server>>>()?;
    let hosts = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
    let mut creation = Command::new("redis-cli");
    creation.args(["--cluster", "create"]).args(hosts).arg("--cluster-yes");
    let made = creation.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let began = std::time::Instant::now();
    while !nodes.iter().all(is_ready) {
        assert!(began.elapsed() < WATCHDOG, "the cluster does not begin");
        std::thread::yield_now();
    }
    Some(nodes)
}

fn is_ready(node: &Server) -> bool {
    let client = redis::Client::open(node.address()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut connection).unwrap();
    info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
}

/// Runs cases one after the other.
macro_rules! cases {
    ($nodes:expr, $($part:ident::$module:ident { $($case:ident)* })*) => {
        $($(
            run(stringify!($case), On($nodes.clone()), $part::$module::$case);
        )*)*
    };
}

#[test]
fn the_driver_works_on_a_cluster() {
    let Some(nodes) = cluster() else { return };
    let addresses = Vec::from_iter(nodes.iter().map(Server::address));
    cases!(addresses,
        broker::order {
            batches_keep_their_order higher_priorities_go_first a_large_batch_passes
            senders_at_once_keep_their_order
        }
        broker::pull {
            a_pull_waits_for_a_message a_pull_dropped_at_any_moment_took_nothing
            queues_are_served_in_turn consumers_share_without_overlap
        }
        broker::settle { what_is_requeued_goes_to_the_front a_dropped_consumer_gives_back }
        broker::limits { what_has_no_room_is_refused room_comes_with_acknowledgement }
        broker::queues { queues_are_counted a_purge_spares_what_is_in_flight }
        broker::life { a_crash_loses_nothing without_a_crash_there_are_no_deaths }
        broker::shared {
            processes_publish_for_each_other an_expired_lease_gives_back
            a_stale_holder_settles_nothing
        }
        store::results { the_first_outcome_stays marks_tell_and_never_overwrite }
        store::changed { a_watcher_waits_for_what_it_has_not_seen }
        store::revocations { revocations_are_followed_by_cursor }
        store::timers { messages_come_due_in_order_of_time the_next_due_time_is_known }
        store::dedup { the_first_claim_wins }
        store::quarantine { what_is_put_here_is_listed pages_meet }
        store::workflows { a_workflow_is_created_once workflows_are_listed_latest_first }
        store::joins { of_members_at_once_one_closes large_members_come_a_few_at_a_time }
        store::registry { the_living_are_listed_by_name }
    );
}

/// Streams in the slots of all servers, each with its ids beside it.
#[tokio::test(flavor = "multi_thread")]
async fn the_sink_works_on_a_cluster() {
    let Some(nodes) = cluster() else { return };
    for number in 0..20 {
        let stream = match number % 2 {
            0 => format!("results:{number}"),
            _ => format!("shop:{{{number}}}:results"),
        };
        let mut sink = Sink::new(nodes[0].address(), &stream).unwrap();
        let batch = sample::batch("q", 0..3);
        for _ in 0..2 {
            sink.write(&batch).await.unwrap();
        }
        let length = |node: &Server| {
            let client = redis::Client::open(node.address()).unwrap();
            let mut connection = client.get_connection().unwrap();
            // Who does not have it names who does.
            redis::cmd("XLEN").arg(&stream).query::<u64>(&mut connection).unwrap_or_default()
        };
        assert_eq!(nodes.iter().map(length).sum::<u64>(), 3, "{stream}");
    }
}
