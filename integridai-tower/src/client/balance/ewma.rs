//! How long calls take, as of late and at worst.

/// A mean of times that jumps to what is longer at once and comes down slowly (Finagle's peak EWMA).
///
/// It falls while nothing is heard too, so that an address that was slow is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PeakEwma {
    mean_ns: f64,
    at_ns: u64,
}

impl PeakEwma {
    #[allow(clippy::cast_precision_loss, reason = "times below 104 days are exact")]
    pub(super) fn add(&mut self, took_ns: u64, now_ns: u64, decay_ns: u64) {
        let took_ns = (took_ns as f64).max(1.0);
        let kept = self.kept(now_ns, decay_ns);
        let is_peak = took_ns > self.mean_ns * kept;
        self.mean_ns = if is_peak { took_ns } else { self.mean_ns * kept + took_ns * (1.0 - kept) };
        self.at_ns = self.at_ns.max(now_ns);
    }

    /// The mean at that time; zero while nothing is known.
    pub(super) fn at(&self, now_ns: u64, decay_ns: u64) -> f64 {
        self.mean_ns * self.kept(now_ns, decay_ns)
    }

    pub(super) fn is_known(&self) -> bool {
        self.mean_ns > 0.0
    }

    #[allow(clippy::cast_precision_loss, reason = "times below 104 days are exact")]
    fn kept(&self, now_ns: u64, decay_ns: u64) -> f64 {
        (-(now_ns.saturating_sub(self.at_ns) as f64) / decay_ns.max(1) as f64).exp()
    }
}
