use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

use super::LogFilter;

/// Lines that may wait for standard output: some seconds of a busy gateway, a few megabytes.
pub(super) const BUFFERED_LINES: usize = 16 * 1024;
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// Writes what is still buffered when it is dropped, for two seconds at most. Keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "lines are lost when the guard is dropped early"]
pub struct LogGuard {
    worker: Option<WorkerGuard>,
    dropped: DroppedLines,
    filter: LogFilter,
}

/// How many lines were dropped because nobody took them in time.
#[derive(Clone, Debug)]
pub struct DroppedLines(ErrorCounter);

impl LogGuard {
    /// The count of dropped lines; it outlives the guard.
    #[must_use]
    pub fn dropped_lines(&self) -> DroppedLines {
        self.dropped.clone()
    }

    /// Which events are written; it outlives the guard.
    #[must_use]
    pub fn filter(&self) -> LogFilter {
        self.filter.clone()
    }
}

impl DroppedLines {
    /// Lines dropped so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.dropped_lines()
    }
}

impl Drop for LogGuard {
    // The worker's own guard prints to standard output when its queue is full: on a blocked one, for ever.
    fn drop(&mut self) {
        let worker = self.worker.take();
        let (flushed, wait) = mpsc::channel();
        let flush = move || {
            drop(worker);
            let _ = flushed.send(());
        };
        if thread::Builder::new().name("log-flush".to_owned()).spawn(flush).is_ok() {
            let _ = wait.recv_timeout(FLUSH_PATIENCE);
        }
    }
}

/// A writer that never blocks, in front of one that may.
pub(super) fn in_the_background(
    writer: impl Write + Send + 'static,
    buffered_lines: usize,
    filter: LogFilter,
) -> (NonBlocking, LogGuard) {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(buffered_lines);
    let (writer, worker) = builder.thread_name("logs").finish(writer);
    let dropped = DroppedLines(writer.error_counter());
    (writer, LogGuard { worker: Some(worker), dropped, filter })
}
