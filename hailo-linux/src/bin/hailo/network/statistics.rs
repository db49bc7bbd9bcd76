//! [`Latencies`]: how long frames took.

use std::time::Duration;

use serde::Serialize;

/// How many buckets there are for each doubling of the time.
const FINENESS: u32 = 64;
/// Buckets for everything up to 2⁴⁰ ns, about 18 minutes.
const BUCKETS: usize = 40 * FINENESS as usize;

/// Counts of times in buckets, so that it takes the same memory for any number of frames. A bucket is about 1 % wide.
pub(super) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    sum: Duration,
    min: Duration,
    max: Duration,
}

/// The summary of [`Latencies`], in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) mean: f64,
    pub(super) min: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

fn microseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

fn bucket(time: Duration) -> usize {
    let nanoseconds = time.as_nanos().max(1) as f64;
    ((nanoseconds.log2() * f64::from(FINENESS)) as usize).min(BUCKETS - 1)
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, sum: Duration::ZERO, min: Duration::MAX, max: Duration::ZERO }
    }

    pub(super) fn add(&mut self, time: Duration) {
        if let Some(count) = self.buckets.get_mut(bucket(time)) {
            *count += 1;
        }
        self.count += 1;
        self.sum += time;
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// The mean in microseconds.
    pub(super) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { microseconds(self.sum) / self.count as f64 }
    }

    /// The time within which this share of the frames was done, in microseconds.
    fn percentile(&self, share: f64) -> f64 {
        let wanted = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        let place = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        // The upper end of the bucket, but no more than was seen.
        let end = place.map_or(0.0, |place| 2_f64.powf((place + 1) as f64 / f64::from(FINENESS)) / 1000.0);
        end.clamp(microseconds(self.min), microseconds(self.max))
    }

    /// The summary, if there was a frame.
    pub(super) fn summary(&self) -> Option<Summary> {
        (self.count > 0).then(|| Summary {
            mean: self.mean(),
            min: microseconds(self.min),
            p50: self.percentile(0.5),
            p90: self.percentile(0.9),
            p99: self.percentile(0.99),
            max: microseconds(self.max),
        })
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mean, min, p50, p90, p99, max } = self;
        write!(f, "mean {mean:.1}, min {min:.1}, 50 % {p50:.1}, 90 % {p90:.1}, 99 % {p99:.1}, max {max:.1} µs")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    #[test]
    fn percentiles_are_right_to_two_percent() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.summary(), None);
        for microseconds in 1..=1000 {
            latencies.add(Duration::from_micros(microseconds));
        }
        let summary = latencies.summary().unwrap();
        assert!((summary.mean - 500.5).abs() < 0.01, "{summary}");
        for (found, right) in [(summary.p50, 500.0), (summary.p90, 900.0), (summary.p99, 990.0)] {
            assert!((found / right - 1.0).abs() < 0.02, "{found} is not {right}");
        }
        assert_eq!((summary.min, summary.max), (1.0, 1000.0));
    }

    #[test]
    fn extreme_times_have_a_bucket() {
        let mut latencies = Latencies::new();
        latencies.add(Duration::ZERO);
        latencies.add(Duration::from_secs(1_000_000));
        let summary = latencies.summary().unwrap();
        assert_eq!((summary.min, summary.max), (0.0, 1e12));
    }
}
