//! Counts of times by their size.

use std::time::Duration;

/// Parts of each power of two: a bucket is at most a sixteenth wider than its least time.
const PARTS: usize = 16;
const PART_BITS: u32 = 4;
/// What takes longer, which is 19 hours, counts as this.
const GREATEST: u64 = (1 << 36) - 1;
pub(super) const BUCKETS: usize = 33 * PARTS;

/// The bucket of a time.
pub(super) fn bucket_of(time: Duration) -> usize {
    let microseconds = u64::try_from(time.as_micros()).unwrap_or(GREATEST).min(GREATEST);
    let Some(exponent) = microseconds.checked_ilog2().filter(|exponent| *exponent >= PART_BITS) else {
        return index(microseconds);
    };
    let part = (microseconds >> (exponent - PART_BITS)) & (PARTS as u64 - 1);
    index(u64::from(exponent - PART_BITS + 1)) * PARTS + index(part)
}

/// The longest time that falls into a bucket, to the microsecond.
pub(super) fn longest_in(bucket: usize) -> Duration {
    let (power, part) = (bucket / PARTS, (bucket % PARTS) as u64);
    let microseconds = match power.checked_sub(1) {
        None => part,
        Some(shift) => ((PARTS as u64 + part + 1) << shift) - 1,
    };
    Duration::from_micros(microseconds)
}

fn index(small: u64) -> usize {
    usize::try_from(small).expect("less than the number of buckets")
}
