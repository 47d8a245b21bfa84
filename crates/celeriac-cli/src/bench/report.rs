//! What a measurement found.

use serde::Serialize;

use crate::output::{View, pairs};

/// The answer of `celeriac bench`; the keys are read by programs and stay.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) broker: String,
    /// `chain`, `group` or `chord`; null for single tasks.
    pub(super) canvas: Option<&'static str>,
    pub(super) payload_bytes: usize,
    /// Tasks that were sent.
    pub(super) tasks: usize,
    /// Tasks that ran and whose outcome is a stored success.
    pub(super) completed: usize,
    /// Tasks that did not run, or have no outcome.
    pub(super) lost: usize,
    /// Runs of tasks that had run already.
    pub(super) duplicates: u64,
    /// Tasks a second, from the first send to the last settled message.
    pub(super) throughput: f64,
    /// From the call of `send` until the task begins, when nothing else is going on.
    pub(super) latency_p50_us: f64,
    pub(super) latency_p99_us: f64,
    /// The whole time by the number of tasks. They do nothing: all of it is ours.
    pub(super) overhead_us_per_task: f64,
    pub(super) peak_rss_mb: Option<f64>,
    /// Of the peak, what was not there yet when the load began.
    pub(super) rss_above_idle_mb: Option<f64>,
    pub(super) cpu_s_per_10k: Option<f64>,
    /// The same of the servers, if they run on this machine.
    pub(super) server_cpu_s_per_10k: Option<f64>,
    /// What is measured of single tasks only.
    pub(super) backlog: Option<Backlog>,
    /// From the call of `send` until the result of a chord of 1,000 tasks is there.
    pub(super) chord_1000_ms: Option<f64>,
    /// The same of a chain of 200.
    pub(super) chain_200_ms: Option<f64>,
    /// The same payloads through a bare channel, a second.
    pub(super) channel_throughput: f64,
}

/// What is sent while nobody works, and then worked off.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Backlog {
    pub(super) tasks: usize,
    /// Tasks a second that are accepted in batches.
    pub(super) bulk_per_s: f64,
    /// How many callers send one by one at the same time.
    pub(super) callers: usize,
    /// Tasks a second that are accepted from them.
    pub(super) callers_per_s: f64,
    /// Tasks a second that a worker takes, runs, stores the outcomes of and settles.
    pub(super) drained_per_s: f64,
    /// The CPU time of that.
    pub(super) cpu_s_per_10k: Option<f64>,
    pub(super) server_cpu_s_per_10k: Option<f64>,
}

impl View for Report {
    fn text(&self) -> String {
        let unknown = || "not known on this system".to_owned();
        let channel = self.channel_throughput;
        let mut rows = vec![
            ("broker", self.broker.clone()),
            ("canvas", self.canvas.unwrap_or("none: single tasks").to_owned()),
            ("payload", format!("{} bytes", self.payload_bytes)),
            ("tasks", self.tasks.to_string()),
            ("completed", self.completed.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicates", self.duplicates.to_string()),
            ("throughput", format!("{:.0} tasks/s", self.throughput)),
            (
                "latency",
                format!("{:.0} µs p50, {:.0} µs p99", self.latency_p50_us, self.latency_p99_us),
            ),
            ("overhead", format!("{:.2} µs per task", self.overhead_us_per_task)),
            ("peak memory", self.memory().unwrap_or_else(unknown)),
            ("CPU", cpu(self.cpu_s_per_10k, self.server_cpu_s_per_10k).unwrap_or_else(unknown)),
        ];
        if let Some(backlog) = &self.backlog {
            let callers = format!("{:.0} tasks/s from {}", backlog.callers_per_s, backlog.callers);
            rows.extend([
                ("sent in bulk", format!("{:.0} tasks/s", backlog.bulk_per_s)),
                ("sent one by one", format!("{callers} callers")),
                ("drained", format!("{:.0} tasks/s", backlog.drained_per_s)),
            ]);
            let drained = cpu(backlog.cpu_s_per_10k, backlog.server_cpu_s_per_10k);
            rows.push(("CPU of draining", drained.unwrap_or_else(unknown)));
        }
        rows.extend(self.chord_1000_ms.map(|ms| ("chord of 1,000", format!("{ms:.1} ms"))));
        rows.extend(self.chain_200_ms.map(|ms| ("chain of 200", format!("{ms:.1} ms"))));
        rows.push(("bare channel", format!("{channel:.0} messages/s, the limit to compare with")));
        pairs(rows)
    }
}

/// CPU time, the servers' in brackets.
fn cpu(own: Option<f64>, servers: Option<f64>) -> Option<String> {
    let servers = servers.map_or(String::new(), |s| format!(" (servers {s:.3} s)"));
    own.map(|own| format!("{own:.3} s{servers} per 10,000 tasks"))
}

impl Report {
    fn memory(&self) -> Option<String> {
        let (peak, above) = (self.peak_rss_mb?, self.rss_above_idle_mb?);
        Some(format!("{peak:.1} MB, {above:.1} MB above idle"))
    }
}

/// As many decimals as a measurement is worth.
pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

/// The value below which `percent` of the samples are; sorts them.
pub(super) fn percentile(samples: &mut [u64], percent: usize) -> u64 {
    samples.sort_unstable();
    let rank = (samples.len() * percent).div_ceil(100).max(1);
    samples.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut samples: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(percentile(&mut samples, 50), 50);
        assert_eq!(percentile(&mut samples, 99), 99);
        assert_eq!(percentile(&mut [7], 99), 7);
        assert_eq!(percentile(&mut [], 99), 0);
    }

    #[test]
    fn programs_find_the_keys_they_know() {
        let backlog = Backlog {
            tasks: 10,
            bulk_per_s: 6.0,
            callers: 64,
            callers_per_s: 7.0,
            drained_per_s: 8.0,
            cpu_s_per_10k: Some(0.1),
            server_cpu_s_per_10k: Some(0.2),
        };
        let report = Report {
            broker: "memory://".to_owned(),
            canvas: None,
            payload_bytes: 100,
            tasks: 10,
            completed: 10,
            lost: 0,
            duplicates: 0,
            throughput: 1.0,
            latency_p50_us: 1.0,
            latency_p99_us: 2.0,
            overhead_us_per_task: 5.0,
            peak_rss_mb: Some(3.0),
            rss_above_idle_mb: Some(1.0),
            cpu_s_per_10k: None,
            server_cpu_s_per_10k: None,
            backlog: Some(backlog),
            chord_1000_ms: Some(12.5),
            chain_200_ms: Some(3.0),
            channel_throughput: 4.0,
        };
        let json = serde_json::to_value(&report).unwrap();
        for key in [
            "throughput",
            "latency_p50_us",
            "latency_p99_us",
            "peak_rss_mb",
            "cpu_s_per_10k",
            "tasks",
            "completed",
            "lost",
            "duplicates",
            "channel_throughput",
            "overhead_us_per_task",
            "rss_above_idle_mb",
            "canvas",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["backlog"]["drained_per_s"], 8.0);
        let text = report.text();
        for line in
            ["1 tasks/s", "7 tasks/s from 64 callers", "0.100 s (servers 0.200 s)", "12.5 ms"]
        {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
