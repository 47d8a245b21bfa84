//! What a stretch of the measurement costs: time, and CPU time here and at the
//! servers.

use std::time::{Duration, Instant};

use super::process;
use super::report::rounded;
use super::server::Servers;

/// A measurement that goes on.
pub(super) struct Meter<'a> {
    servers: &'a Servers,
    started: Instant,
    cpu: Option<Duration>,
    server_cpu: Option<Duration>,
}

/// What was used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) elapsed: Duration,
    /// Of this process.
    pub(super) cpu: Option<Duration>,
    /// Of the servers, where it is known.
    pub(super) server_cpu: Option<Duration>,
}

impl<'a> Meter<'a> {
    pub(super) fn start(servers: &'a Servers) -> Self {
        // The look at other processes takes a while: the clock starts after it.
        let (server_cpu, cpu) = (servers.cpu_time(), process::cpu_time());
        Self { servers, started: Instant::now(), cpu, server_cpu }
    }

    pub(super) fn stop(self) -> Cost {
        self.stop_at(Instant::now())
    }

    /// As if it had been stopped at this time.
    pub(super) fn stop_at(self, end: Instant) -> Cost {
        let since = |after: Option<Duration>, before: Option<Duration>| {
            after.zip(before).map(|(after, before)| after.saturating_sub(before))
        };
        let cpu = since(process::cpu_time(), self.cpu);
        let server_cpu = since(self.servers.cpu_time(), self.server_cpu);
        Cost { elapsed: end.saturating_duration_since(self.started), cpu, server_cpu }
    }
}

impl Cost {
    /// How many of so many tasks a second.
    pub(super) fn per_second(&self, tasks: usize) -> f64 {
        rounded(tasks as f64 / self.elapsed.as_secs_f64(), 1)
    }
}

/// Seconds of CPU time for each 10,000 of so many tasks.
pub(super) fn per_10k(cpu: Duration, tasks: usize) -> f64 {
    rounded(cpu.as_secs_f64() / tasks as f64 * 10_000.0, 4)
}
