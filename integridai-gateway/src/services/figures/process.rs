//! What the operating system says of the process, under the names that client libraries of Prometheus use.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// This process.
#[derive(Debug)]
pub(super) struct Process {
    started_at: f64,
}

/// What a kernel counts time in towards programs, whatever it uses inside (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;

/// Outside of Linux nothing of it is told but the start.
#[derive(Debug, PartialEq)]
struct Usage {
    cpu_seconds: u64,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
}

impl Process {
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started_at: now.as_secs_f64() }
    }

    #[allow(clippy::cast_precision_loss, reason = "bytes and counts")]
    pub(super) fn tell(&mut self) {
        metrics::gauge!("process_start_time_seconds").set(self.started_at);
        let texts = (fs::read_to_string("/proc/self/stat"), fs::read_to_string("/proc/self/status"));
        if let (Ok(stat), Ok(status)) = texts
            && let Some(usage) = Usage::read(&stat, &status)
        {
            usage.tell();
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            metrics::gauge!("process_open_fds").set(open.count() as f64);
        }
        if let Some(most) = fs::read_to_string("/proc/self/limits").ok().and_then(|text| open_files(&text)) {
            metrics::gauge!("process_max_fds").set(most as f64);
        }
    }
}

impl Usage {
    fn read(stat: &str, status: &str) -> Option<Self> {
        // The name of the program stands in brackets and may have spaces and brackets of its own.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        let cpu_seconds = (ticks()? + ticks()?) / TICKS_PER_SECOND;
        let kibibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
        };
        Some(Self { cpu_seconds, resident_bytes: kibibytes("VmRSS:"), virtual_bytes: kibibytes("VmSize:") })
    }

    #[allow(clippy::cast_precision_loss, reason = "bytes")]
    fn tell(&self) {
        metrics::counter!("process_cpu_seconds_total").absolute(self.cpu_seconds);
        if let Some(bytes) = self.resident_bytes {
            metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
        }
        if let Some(bytes) = self.virtual_bytes {
            metrics::gauge!("process_virtual_memory_bytes").set(bytes as f64);
        }
    }
}

/// The soft limit; `None` where there is none.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 1234 566 0 0 20 0 4 0 100 200 300 18446744073709551615";
        let status = "Name:\ta\nVmPeak:\t  9 kB\nVmSize:\t  20 kB\nVmRSS:\t  10 kB\n";
        let usage = Usage { cpu_seconds: 18, resident_bytes: Some(10_240), virtual_bytes: Some(20_480) };
        assert_eq!(Usage::read(stat, status), Some(usage));
        assert_eq!(Usage::read("7 (a) S 1", status), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024  4096  files\n";
        assert_eq!(open_files(limits), Some(1_024));
        assert_eq!(open_files("Max open files            unlimited  unlimited  files\n"), None);
    }
}
