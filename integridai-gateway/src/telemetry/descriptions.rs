//! What each metric means, for `# HELP`: one table of all there are.

use metrics::{KeyName, Recorder, SharedString, Unit};

type Describe<R> = fn(&R, KeyName, Option<Unit>, SharedString);

/// Name, unit, meaning.
type Row = (&'static str, Unit, &'static str);

const COUNTERS: [Row; 35] = [
    (
        "integridai_trace_spans_total",
        Unit::Count,
        "Spans for the collector of traces: sent, failed with their batch, or dropped, for too many waited.",
    ),
    (
        "integridai_circuit_refused_total",
        Unit::Count,
        "Calls that were not made, for the service's circuit was open.",
    ),
    (
        "integridai_service_shed_total",
        Unit::Count,
        "Calls that were not made, for the service had as many under way and waiting as may be.",
    ),
    (
        "integridai_realtime_events_sent_total",
        Unit::Count,
        "Events that were sent to subscribers, by transport.",
    ),
    (
        "integridai_realtime_events_missed_total",
        Unit::Count,
        "Events that subscribers were told they do not get, by reason.",
    ),
    ("process_cpu_seconds_total", Unit::Seconds, "Time that the process computed, in whole seconds."),
    (
        "integridai_cache_redis_lookups_total",
        Unit::Count,
        "Look-ups for kept answers in the Redis that gateways share, by outcome.",
    ),
    (
        "integridai_cache_refused_total",
        Unit::Count,
        "Answers that were not kept, for they are too large for the cache.",
    ),
    (
        "integridai_events_published_total",
        Unit::Count,
        "Events that were handed in, by whether they were new or known already.",
    ),
    ("integridai_events_total", Unit::Count, "Events of the gateway's own, by type."),
    (
        "integridai_execution_leases_lost_total",
        Unit::Count,
        "Executions that another worker took over, so that what came of them here was not written.",
    ),
    (
        "integridai_execution_retries_total",
        Unit::Count,
        "Executions that were put back because a step is tried again later.",
    ),
    (
        "integridai_executions_given_up_total",
        Unit::Count,
        "Executions given up because every attempt was cut short.",
    ),
    (
        "integridai_executions_total",
        Unit::Count,
        "Executions that ran to their end, by workflow and outcome.",
    ),
    (
        "integridai_grpc_refused_total",
        Unit::Count,
        "Calls of gRPC that the gateway answered itself, by the status of gRPC; of HTTP they are 200.",
    ),
    (
        "integridai_log_lines_dropped_total",
        Unit::Count,
        "Log lines lost because standard output was blocked.",
    ),
    (
        "integridai_circuit_transitions_total",
        Unit::Count,
        "Changes of a service's circuit, by the state that it came to.",
    ),
    (
        "integridai_config_reloads_total",
        Unit::Count,
        "Attempts to load the configuration again, by outcome: in_force or refused.",
    ),
    ("integridai_panics_total", Unit::Count, "Handlers and workflows that panicked; each was answered 500."),
    (
        "integridai_proxy_ended_total",
        Unit::Count,
        "Exchanges that were passed on and ended by the gateway, by route and reason: idle or a call's deadline.",
    ),
    (
        "integridai_proxy_tunnel_bytes_total",
        Unit::Bytes,
        "What went through connections that had left HTTP, by route and direction, counted when they end.",
    ),
    (
        "integridai_proxy_tunnels_total",
        Unit::Count,
        "Connections that had left HTTP (WebSockets that are passed on), by route and how they ended.",
    ),
    (
        "integridai_rate_limit_without_redis_total",
        Unit::Count,
        "Limited requests that were decided without Redis, as redis.on_outage says.",
    ),
    (
        "integridai_rate_limit_without_room_total",
        Unit::Count,
        "Requests for whose key a rate limit had no room, by policy: such keys share one quota.",
    ),
    ("integridai_server_accept_errors_total", Unit::Count, "Connections that could not be accepted."),
    (
        "integridai_server_connections_panicked_total",
        Unit::Count,
        "Connections that ended because a request on them panicked.",
    ),
    (
        "integridai_server_connections_refused_total",
        Unit::Count,
        "Connections answered 503 and closed: as many were open as may be.",
    ),
    (
        "integridai_server_proxy_protocol_refused_total",
        Unit::Count,
        "Connections closed because no proxy said whose they are, by reason: untrusted, malformed.",
    ),
    (
        "integridai_server_tls_handshakes_total",
        Unit::Count,
        "Handshakes of TLS, by outcome: completed, failed, late, plain (HTTP came instead).",
    ),
    (
        "integridai_server_tls_reloads_total",
        Unit::Count,
        "Certificates that were found to be new, by outcome: taken, refused.",
    ),
    (
        "integridai_store_dropped_rows_total",
        Unit::Count,
        "Rows lost, by table: the buffer was full, a row could not be stored, or the store was closed.",
    ),
    (
        "integridai_store_pruned_rows_total",
        Unit::Count,
        "Rows removed before their time, because the database had reached its greatest size.",
    ),
    (
        "integridai_store_spool_damages_total",
        Unit::Count,
        "Places in the spool that could not be read; a row or more was lost at each.",
    ),
    ("integridai_store_written_rows_total", Unit::Count, "Rows written from the buffer to the database."),
    (
        "integridai_triggers_total",
        Unit::Count,
        "Events of a type that starts a workflow, by workflow and outcome.",
    ),
];

const GAUGES: [Row; 40] = [
    ("integridai_build_info", Unit::Count, "Always 1; which version and revision runs stands in its labels."),
    (
        "integridai_events_lag",
        Unit::Count,
        "Cursors between the newest event in the log and the newest that was sent to subscribers.",
    ),
    ("integridai_executions_active", Unit::Count, "Executions under way in this process, by workflow."),
    (
        "integridai_executions_queue_age_seconds",
        Unit::Seconds,
        "How long the execution waits that was accepted first, of those that could run; 0 where none waits.",
    ),
    (
        "integridai_realtime_connections",
        Unit::Count,
        "Connections over which events are followed, by transport.",
    ),
    (
        "integridai_service_addresses",
        Unit::Count,
        "Addresses of a service by state, where several are configured.",
    ),
    ("integridai_service_calls_active", Unit::Count, "Calls to a service that are under way."),
    (
        "integridai_service_calls_limit",
        Unit::Count,
        "Calls to a service that may be under way at once, as the limit stands.",
    ),
    ("integridai_service_calls_queued", Unit::Count, "Calls to a service that wait for one of its places."),
    (
        "integridai_store_connections",
        Unit::Count,
        "Connections to the database server, by whether they are used or idle.",
    ),
    (
        "integridai_store_connections_max",
        Unit::Count,
        "Connections to the database server that there may be.",
    ),
    (
        "integridai_store_connections_wanted",
        Unit::Count,
        "Who waits for a connection to the database server.",
    ),
    ("process_max_fds", Unit::Count, "Files and sockets that the process may have open."),
    ("process_open_fds", Unit::Count, "Files and sockets that the process has open."),
    ("process_resident_memory_bytes", Unit::Bytes, "Memory of the process that is in RAM."),
    ("process_start_time_seconds", Unit::Seconds, "When the process began to serve, since the Unix epoch."),
    ("process_virtual_memory_bytes", Unit::Bytes, "Addresses that the process has reserved."),
    (
        "tokio_runtime_busy_ratio",
        Unit::Count,
        "The share of their time that the workers of the runtime were busy, over the last seconds: 0 to 1.",
    ),
    (
        "tokio_runtime_global_queue_depth",
        Unit::Count,
        "Tasks that are ready and wait for any worker of the runtime.",
    ),
    ("tokio_runtime_tasks", Unit::Count, "Tasks that are alive in the runtime."),
    ("tokio_runtime_workers", Unit::Count, "Threads of the runtime that run tasks."),
    ("http_server_active_requests", Unit::Count, "Requests under way."),
    ("integridai_cache_bytes", Unit::Bytes, "Memory that kept answers take, roughly."),
    (
        "integridai_cache_in_step",
        Unit::Count,
        "Whether kept answers are shared with the other gateways at the moment: 1 or 0.",
    ),
    ("integridai_cache_urls", Unit::Count, "URLs of which an answer is kept."),
    (
        "integridai_circuit_open",
        Unit::Count,
        "Whether a service is left alone: 1 its circuit is open, 0.5 it is tried, 0 all is well.",
    ),
    (
        "integridai_config_loaded_timestamp_seconds",
        Unit::Seconds,
        "When the configuration that is in force was loaded, in seconds since 1970.",
    ),
    (
        "integridai_config_revision",
        Unit::Count,
        "Which configuration is in force, by its revision: 1 for that one, 0 for those before it.",
    ),
    ("integridai_executions_queued", Unit::Count, "Executions that wait to be run."),
    (
        "integridai_proxy_tunnels_open",
        Unit::Count,
        "Connections that have left HTTP (WebSockets that are passed on) and are open, by route.",
    ),
    ("integridai_rate_limit_keys", Unit::Count, "Keys that a rate limit keeps in memory, by policy."),
    ("integridai_realtime_subscribers", Unit::Count, "WebSockets that subscribe to events."),
    ("integridai_redis_up", Unit::Count, "Whether Redis answers: 1 or 0; only where it is configured."),
    ("integridai_server_connections_open", Unit::Count, "Connections that are open."),
    (
        "integridai_server_tls_certificate_expiry_timestamp_seconds",
        Unit::Seconds,
        "When a certificate that clients are shown ends, as time since 1970, by its file.",
    ),
    ("integridai_service_up", Unit::Count, "How a service is: 1 online, 0.5 degraded, 0 offline."),
    ("integridai_auth_keys", Unit::Count, "Keys of an issuer of tokens that can be used, by issuer."),
    ("integridai_store_buffered_rows", Unit::Count, "Rows accepted and not yet written to the database."),
    ("integridai_store_spooled_rows", Unit::Count, "Rows that wait on the disk for the database."),
    ("integridai_store_healthy", Unit::Count, "Whether the database can be read and written: 1 or 0."),
];

const HISTOGRAMS: [Row; 6] = [
    (
        "integridai_event_lag_seconds",
        Unit::Seconds,
        "How old events were when they were sent to subscribers, in seconds.",
    ),
    (
        "integridai_execution_duration_seconds",
        Unit::Seconds,
        "How long executions ran, in seconds, by workflow and outcome.",
    ),
    (
        "integridai_execution_wait_seconds",
        Unit::Seconds,
        "How long executions waited for a worker once they were due, in seconds.",
    ),
    (
        "integridai_service_request_duration_seconds",
        Unit::Seconds,
        "How long services took to begin their answers, in seconds, by service and outcome; retries among it.",
    ),
    (
        "http_client_request_duration_seconds",
        Unit::Seconds,
        "How long calls to services took, in seconds, by call and outcome.",
    ),
    (
        "http_server_request_duration_seconds",
        Unit::Seconds,
        "How long requests took to their last byte, in seconds, by method, route and status.",
    ),
];

/// Tells the recorder of every metric that the gateway has.
pub(super) fn describe<R: Recorder>(recorder: &R) {
    metrics::with_local_recorder(recorder, integridai_tower::metrics::describe);
    let all: [(&[Row], Describe<R>); 3] = [
        (&COUNTERS, R::describe_counter),
        (&GAUGES, R::describe_gauge),
        (&HISTOGRAMS, R::describe_histogram),
    ];
    for (rows, describe) in all {
        for (name, unit, meaning) in rows {
            describe(recorder, KeyName::from_const_str(name), Some(*unit), SharedString::const_str(meaning));
        }
    }
}
