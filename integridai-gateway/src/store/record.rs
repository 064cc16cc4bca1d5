//! A row on its way into one of the tables.
#[cfg(feature = "postgres")]
use uuid::Uuid;

use super::{ApiCall, Execution, MetricSample, SystemEvent, Table};

const BYTES_OF_COLUMNS: usize = 256;

/// A row on its way into one of the tables.
#[derive(Debug)]
pub(super) enum Record {
    Event(SystemEvent),
    Metric(MetricSample),
    ApiCall(ApiCall),
    Execution(Box<Execution>),
}

impl Record {
    pub(super) fn table(&self) -> Table {
        match self {
            Self::Event(_) => Table::SystemEvents,
            Self::Metric(_) => Table::MetricsHistory,
            Self::ApiCall(_) => Table::ApiCallsLog,
            Self::Execution(_) => Table::Executions,
        }
    }

    /// About how many bytes it holds in memory.
    pub(super) fn weight(&self) -> usize {
        BYTES_OF_COLUMNS
            + match self {
                Self::Event(event) => event.payload.as_bytes().len() + event.event_type.len(),
                Self::Metric(sample) => sample.metadata.as_ref().map_or(0, |json| json.as_bytes().len()),
                Self::ApiCall(call) => call.endpoint.len(),
                Self::Execution(run) => {
                    let texts =
                        [Some(&run.request), Some(&run.steps), run.result.as_ref(), run.error.as_ref()];
                    texts.into_iter().flatten().map(|json| json.as_bytes().len()).sum()
                }
            }
    }
}

/// A record with an id of its own, which stays the same however often it is written.
#[derive(Debug)]
#[cfg(feature = "postgres")]
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) record: Record,
}

#[cfg(feature = "postgres")]
impl Entry {
    pub(super) fn new(record: Record) -> Self {
        Self { id: Uuid::now_v7(), record }
    }

    pub(super) fn table(&self) -> Table {
        self.record.table()
    }
}
