//! All names of metrics, in one table.

use ::metrics::{Unit, describe_counter, describe_histogram};

/// Requests that a layer answered instead of its inner service, by `layer` and `reason`.
pub const REFUSED_REQUESTS: &str = "http_server_refused_requests_total";

/// Requests that a layer in shadow mode let through and would have refused, by `layer` and `reason`.
pub const SHADOW_REFUSED_REQUESTS: &str = "http_server_shadow_refused_requests_total";

/// Requests that a cache saw, by `outcome`.
pub const CACHE_REQUESTS: &str = "http_server_cache_requests_total";

/// Bytes of content that a cache served from its store, by `outcome`.
pub const CACHE_SERVED_BYTES: &str = "http_server_cache_served_bytes_total";

/// How long branches of fan-outs took, by `branch` and `outcome`.
pub const FAN_OUT_BRANCH_DURATION: &str = "fan_out_branch_duration_seconds";

/// Gives the metrics of this module their help texts, at the recorder that is installed.
pub fn describe() {
    describe_counter!(
        REFUSED_REQUESTS,
        Unit::Count,
        "Requests that a layer answered instead of its inner service."
    );
    describe_counter!(
        SHADOW_REFUSED_REQUESTS,
        Unit::Count,
        "Requests that a layer in shadow mode let through and would have refused."
    );
    describe_counter!(CACHE_REQUESTS, Unit::Count, "Requests that a cache saw, by what it did for them.");
    describe_counter!(
        CACHE_SERVED_BYTES,
        Unit::Bytes,
        "Bytes of content that a cache served from its store, by what it did."
    );
    describe_histogram!(
        FAN_OUT_BRANCH_DURATION,
        Unit::Seconds,
        "Time that branches of fan-outs took, by how they ended."
    );
}
