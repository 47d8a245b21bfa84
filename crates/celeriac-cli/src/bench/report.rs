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
    /// The same payloads through a bare channel, a second.
    pub(super) channel_throughput: f64,
}

impl View for Report {
    fn text(&self) -> String {
        let unknown = || "not known on this system".to_owned();
        let channel = self.channel_throughput;
        pairs([
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
            (
                "CPU",
                self.cpu_s_per_10k.map_or_else(unknown, |s| format!("{s:.3} s per 10,000 tasks")),
            ),
            ("bare channel", format!("{channel:.0} messages/s, the limit to compare with")),
        ])
    }
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
        assert!(report.text().contains("throughput    1 tasks/s"), "{}", report.text());
    }
}
