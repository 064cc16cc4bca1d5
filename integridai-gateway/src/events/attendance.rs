use metrics::{Counter, Gauge};

/// That somebody follows events, and over what: counted until it is dropped.
pub struct Attendance {
    open: Gauge,
    sent: Counter,
}

/// Over what events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// Server-sent events.
    ServerSentEvents,
}

impl Attendance {
    /// From now on.
    #[must_use]
    pub fn begin(transport: Transport) -> Self {
        let transport = match transport {
            Transport::WebSocket => "websocket",
            Transport::ServerSentEvents => "sse",
        };
        let open = metrics::gauge!("integridai_realtime_connections", "transport" => transport);
        open.increment(1);
        let sent = metrics::counter!("integridai_realtime_events_sent_total", "transport" => transport);
        Self { open, sent }
    }

    /// An event went out.
    pub fn sent(&self) {
        self.sent.increment(1);
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.open.decrement(1);
    }
}

impl std::fmt::Debug for Attendance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attendance").finish_non_exhaustive()
    }
}
