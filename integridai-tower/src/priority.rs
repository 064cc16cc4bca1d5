//! How urgent a request is.

/// How urgent a request is, from least to most. In a request's extensions; [`Normal`](Self::Normal) where there is none.
///
/// What has to wait waits longest, and what cannot be served is refused first, where it is low.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// May be refused at any time: prefetching, batches, retries by machines.
    Low,
    /// All that nobody says otherwise of.
    #[default]
    Normal,
    /// Somebody waits for it, or much depends on it.
    High,
}

impl Priority {
    /// All of them, least urgent first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];
}
