//! Whether an address is well, by the checks of late.

/// So many checks in a row turn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Health {
    is_healthy: bool,
    /// Checks in a row that say otherwise.
    against: u32,
}

impl Health {
    /// Nothing speaks against it.
    pub(super) fn new() -> Self {
        Self { is_healthy: true, against: 0 }
    }

    /// Whether it is well after this check: `fall` failures in a row make it unwell, `rise` successes well again.
    pub(super) fn record(&mut self, is_well: bool, rise: u32, fall: u32) -> bool {
        if is_well == self.is_healthy {
            self.against = 0;
            return self.is_healthy;
        }
        self.against = self.against.saturating_add(1);
        if self.against >= if is_well { rise } else { fall } {
            *self = Self { is_healthy: is_well, against: 0 };
        }
        self.is_healthy
    }
}
