//! One request on its way through a simulated service: counted when it arrives and however it ends.
use std::sync::Arc;

use http::StatusCode;

use super::control::Control;
use super::report::{Outcome, RecordedRequest};

/// Dropped without having been finished, it counts as cancelled by the client.
#[derive(Debug)]
pub(super) struct Passage {
    control: Arc<Control>,
    template: &'static str,
    open: bool,
}

impl Passage {
    pub(super) fn begin(control: Arc<Control>, template: &'static str, request: RecordedRequest) -> Self {
        control.arrive(request);
        Self { control, template, open: true }
    }

    pub(super) fn answered(self, status: StatusCode) {
        self.finish(Outcome::Status(status.as_u16()));
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.open = false;
        self.control.finish(self.template, outcome);
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.open {
            self.control.abandon(self.template);
        }
    }
}
