//! The table of cases, and how a driver's tests are made of it.

use std::future::Future;
use std::sync::Arc;

use crate::Harness;
use crate::probe::WATCHDOG;
use crate::sink::SinkHarness;
use crate::source::SourceHarness;

/// Runs one case of a driver. Called by [`conformance!`](crate::conformance).
///
/// # Panics
/// When the case fails, or does not end in twice [`WATCHDOG`].
pub fn run<H, C, F>(rule: &str, harness: H, case: C)
where
    H: Harness,
    C: FnOnce(Arc<dyn Harness>) -> F,
    F: Future<Output = ()>,
{
    run_case(rule, || case(Arc::new(harness)));
}

/// As [`run`], for [`sink_conformance!`](crate::sink_conformance).
pub fn run_sink<H, C, F>(rule: &str, harness: H, case: C)
where
    H: SinkHarness,
    C: FnOnce(Arc<dyn SinkHarness>) -> F,
    F: Future<Output = ()>,
{
    run_case(rule, || case(Arc::new(harness)));
}

/// As [`run`], for [`source_conformance!`](crate::source_conformance).
pub fn run_source<H, C, F>(rule: &str, harness: H, case: C)
where
    H: SourceHarness,
    C: FnOnce(Arc<dyn SourceHarness>) -> F,
    F: Future<Output = ()>,
{
    run_case(rule, || case(Arc::new(harness)));
}

/// Runs a case on a runtime of its own.
fn run_case<F: Future<Output = ()>>(rule: &str, case: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(2 * WATCHDOG, case()).await });
    runtime.shutdown_background();
    assert!(ended.is_ok(), "{rule}: waited {:?} for the case to end", 2 * WATCHDOG);
}

/// Ends a case of an ability that the driver lacks, or has, and says so.
macro_rules! only_if {
    ($condition:expr, $why:literal) => {
        if !$condition {
            return $crate::suite::skipped($why);
        }
    };
}
pub(crate) use only_if;

/// Says why a case is not for this driver; nextest shows it with `--no-capture`.
#[expect(clippy::print_stdout, reason = "a skipped case is never silent")]
pub(crate) fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// Makes one test of each case, for the driver that the given expression
/// makes a [`Harness`] of.
///
/// ```ignore
/// mod memory {
///     use super::*;
///     celeriac_testkit::conformance!(MemoryHarness);
/// }
/// ```
#[macro_export]
macro_rules! conformance {
    ($harness:expr) => {
        $crate::broker_conformance!($harness);
        $crate::store_conformance!($harness);
    };
}

/// As [`conformance!`](crate::conformance), for a driver that is a broker
/// only; its harness opens any store beside it.
#[macro_export]
macro_rules! broker_conformance {
    ($harness:expr) => {
        $crate::__cases! { (run $harness)
            broker::order {
                "B-01" batches_keep_their_order;
                "B-02" higher_priorities_go_first;
                "B-03" every_header_survives;
                "B-04" a_large_body_passes;
                "B-05" a_large_batch_passes;
                "B-06" empty_batches_change_nothing;
                "B-07" senders_at_once_keep_their_order;
            }
            broker::pull {
                "B-08" credit_is_a_maximum;
                "B-09" a_pull_waits_for_a_message;
                "B-10" a_dropped_pull_took_nothing;
                "B-10" a_pull_dropped_at_any_moment_took_nothing;
                "B-10" a_dropped_pull_leaves_its_message_to_others;
                "B-11" queues_are_served_in_turn;
                "B-12" consumers_share_without_overlap;
            }
            broker::settle {
                "B-13" what_is_acknowledged_stays_away;
                "B-14" what_is_requeued_goes_to_the_front;
                "B-14" what_is_requeued_keeps_its_priority;
                "B-15" a_dropped_consumer_gives_back;
                "B-16" a_receipt_settles_one_delivery;
                "B-16" unknown_receipts_are_ignored;
            }
            broker::limits {
                "B-17" what_has_no_room_is_refused;
                "B-18" retries_go_above_the_limit;
                "B-19" room_comes_with_acknowledgement;
                "B-19" a_dropped_wait_for_room_harms_nothing;
                "B-20" without_limits_there_is_always_room;
            }
            broker::queues {
                "B-21" queues_are_counted;
                "B-22" a_purge_spares_what_is_in_flight;
                "B-26" a_transient_queue_dies_with_its_broker;
                "B-26" without_the_ability_transient_queues_are_refused;
            }
            broker::life {
                "B-23" a_crash_loses_nothing;
                "B-23" order_survives_a_crash;
                "B-24" after_a_crash_what_was_acknowledged_is_marked;
                "B-24" after_a_close_what_was_acknowledged_is_gone;
                "B-25" deaths_are_counted_while_a_task_runs;
                "B-25" without_a_crash_there_are_no_deaths;
                "B-27" a_closed_broker_says_so;
                "B-27" a_close_ends_what_waits;
                "B-27" a_close_ends_the_wait_for_room;
            }
            broker::advance {
                "B-31" what_follows_is_done_at_once;
                "B-31" of_what_has_ended_before_nothing_is_done;
                "B-31" what_was_done_at_once_survives_a_crash;
            }
            broker::shared {
                "B-28" processes_publish_for_each_other;
                "B-28" processes_share_without_overlap;
                "B-29" an_expired_lease_gives_back;
                "B-29" an_expired_lease_counts_as_a_death;
                "B-30" a_stale_holder_settles_nothing;
                "B-30" a_stale_holder_begins_nothing;
            }
        }
    };
}

/// The cases of stores; not for use by itself.
#[doc(hidden)]
#[macro_export]
macro_rules! store_conformance {
    ($harness:expr) => {
        $crate::__cases! { (run $harness)
            store::results {
                "S-01" the_first_outcome_stays;
                "S-02" of_outcomes_at_once_one_is_recorded;
                "S-03" marks_tell_and_never_overwrite;
                "S-04" entries_come_in_the_order_asked;
                "S-05" versions_grow;
                "S-07" what_is_forgotten_can_be_recorded_anew;
                "S-08" outcomes_survive_a_crash;
            }
            store::changed {
                "S-06" what_changed_before_is_told_at_once;
                "S-06" a_watcher_waits_for_what_it_has_not_seen;
                "S-06" a_dropped_watch_misses_nothing;
            }
            store::revocations {
                "S-09" exactly_what_was_revoked_is_revoked;
                "S-09" a_revocation_ends;
                "S-10" revocations_are_followed_by_cursor;
                "S-10" a_dropped_wait_for_revocations_misses_nothing;
                "S-11" revocations_survive_a_crash;
            }
            store::timers {
                "S-12" messages_come_due_in_order_of_time;
                "S-12" a_scheduled_message_comes_back_whole;
                "S-13" what_is_taken_comes_again_after_its_lease;
                "S-14" scheduling_again_replaces;
                "S-14" an_earlier_attempt_changes_nothing;
                "S-15" what_was_replaced_meanwhile_stays;
                "S-16" the_next_due_time_is_known;
                "S-18" timers_survive_a_crash;
            }
            store::timers_changed {
                "S-17" an_earlier_timer_wakes;
                "S-17" a_dropped_wait_for_timers_misses_nothing;
            }
            store::dedup {
                "S-19" the_first_claim_wins;
                "S-20" a_confirmed_claim_says_so;
                "S-20" the_holder_may_claim_again;
                "S-21" a_claim_ends_with_its_window;
                "S-21" who_claims_again_moves_the_end;
                "S-22" of_claims_at_once_one_wins;
                "S-23" claims_survive_a_crash;
            }
            store::quarantine {
                "S-24" what_is_put_here_is_listed;
                "S-25" filters_narrow;
                "S-25" pages_meet;
                "S-26" the_same_id_is_replaced;
                "S-27" what_is_taken_out_is_counted;
                "S-28" quarantine_survives_a_crash;
            }
            store::workflows {
                "S-32" a_workflow_is_created_once;
                "S-33" records_and_pages_come_in_the_order_asked;
                "S-34" the_first_end_of_an_epoch_stays;
                "S-34" of_ends_at_once_one_is_noted;
                "S-35" statuses_only_rise;
                "S-35" a_part_has_statuses_of_its_own;
                "S-36" workflows_are_listed_latest_first;
                "S-46" changes_of_a_workflow_are_waited_for;
                "S-46" a_dropped_watch_of_a_workflow_misses_nothing;
                "S-37" what_is_forgotten_is_gone_with_its_parts;
                "S-38" workflows_survive_a_crash;
            }
            store::joins {
                "S-39" a_member_is_in_once;
                "S-40" of_members_at_once_one_closes;
                "S-41" a_failure_closes_if_it_shall;
                "S-42" members_are_read_in_order;
                "S-42" large_members_come_a_few_at_a_time;
                "S-43" a_reopened_member_is_waited_for;
                "S-44" nothing_joins_what_is_not_kept;
                "S-45" joins_survive_a_crash;
            }
            store::registry {
                "S-29" the_living_are_listed_by_name;
                "S-30" who_withdraws_is_gone;
                "S-31" empty_batches_change_nothing;
            }
        }
    };
}

/// Makes one test of each case, for the sink that the given expression makes a
/// [`SinkHarness`](crate::sink::SinkHarness) of.
#[macro_export]
macro_rules! sink_conformance {
    ($harness:expr) => {
        $crate::__cases! { (run_sink $harness)
            sink::write {
                "K-01" what_is_written_is_there;
                "K-02" documents_keep_their_order;
                "K-03" what_is_written_again_bears_the_same_id;
                "K-04" a_refused_document_spares_the_others;
                "K-05" a_dropped_write_harms_nothing;
                "K-06" an_empty_batch_writes_nothing;
                "K-07" a_sink_that_was_down_goes_on;
            }
        }
    };
}

/// Makes one test of each case, for the source that the given expression makes a
/// [`SourceHarness`](crate::source::SourceHarness) of.
#[macro_export]
macro_rules! source_conformance {
    ($harness:expr) => {
        $crate::__cases! { (run_source $harness)
            source::poll {
                "R-01" the_same_cursor_gives_the_same;
                "R-02" after_the_cursor_comes_the_rest;
                "R-03" nothing_comes_twice_and_nothing_is_left_out;
                "R-04" a_dropped_poll_lost_nothing;
                "R-05" what_was_rejected_comes_again;
                "R-06" a_poll_waits_and_gives_what_comes;
            }
        }
    };
}

/// The tests behind [`conformance!`](crate::conformance); not for use by itself.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    (($run:ident $harness:expr) $($part:ident::$module:ident { $($rule:literal $case:ident;)* })*) => {
        $(
            $crate::__cases! { @module ($run $harness) $part $module $($rule $case)* }
        )*
    };
    (@module ($run:ident $harness:expr) $part:ident $module:ident $($rule:literal $case:ident)*) => {
        mod $module {
            #[allow(unused_imports, reason = "the harness may need no import")]
            use super::*;
            $(
                #[test]
                fn $case() {
                    $crate::$run($rule, $harness, $crate::$part::$module::$case);
                }
            )*
        }
    };
}
