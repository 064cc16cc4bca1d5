//! How long branches of fan-outs took.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use ::metrics::{Histogram, Label, SharedString, histogram};

use super::MAX_SERIES;
use super::names::FAN_OUT_BRANCH_DURATION;
use crate::{BranchEnd, BranchOutcome, BranchOutcomes};

/// Records [`BranchOutcomes`] as [`FAN_OUT_BRANCH_DURATION`](super::FAN_OUT_BRANCH_DURATION), for those that do not come with a
/// response. A clone is the same.
///
/// ```
/// use integridai_tower::BranchOutcomes;
/// use integridai_tower::metrics::BranchTimes;
///
/// let times = BranchTimes::default();
/// times.record(&BranchOutcomes::default());
/// ```
#[derive(Clone, Default)]
pub struct BranchTimes {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    labels: Vec<Label>,
    known: RwLock<HashMap<Cow<'static, str>, Series>>,
}

/// Of one branch, by how it ended.
type Series = HashMap<BranchEnd, Histogram>;

impl BranchTimes {
    /// With these labels on every series.
    pub(super) fn new(labels: Vec<Label>) -> Self {
        Self { shared: Arc::new(Shared { labels, known: RwLock::default() }) }
    }

    /// Records each branch that began.
    pub fn record(&self, outcomes: &BranchOutcomes) {
        for branch in outcomes.iter().filter(|branch| branch.end != BranchEnd::NotStarted) {
            self.shared.of(branch).record(branch.latency.as_secs_f64());
        }
    }
}

impl Shared {
    fn of(&self, branch: &BranchOutcome) -> Histogram {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(&branch.name).and_then(|series| series.get(&branch.end)) {
            return series.clone();
        }
        drop(known);
        self.meet(branch.name.clone(), branch.end)
    }

    fn meet(&self, name: Cow<'static, str>, end: BranchEnd) -> Histogram {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = known.len() >= MAX_BRANCHES - 1 && !known.contains_key(&name);
        let name = if is_full { Cow::Borrowed("other") } else { name };
        let label = SharedString::from(name.clone());
        let series = known.entry(name).or_default().entry(end);
        series.or_insert_with(|| self.histogram(label, end)).clone()
    }

    fn histogram(&self, branch: SharedString, end: BranchEnd) -> Histogram {
        let own = [Label::new("branch", branch), Label::from_static_parts("outcome", end.as_str())];
        let labels: Vec<Label> = own.into_iter().chain(self.labels.iter().cloned()).collect();
        histogram!(FAN_OUT_BRANCH_DURATION, labels)
    }
}

/// So many names of branches have series of their own.
const MAX_BRANCHES: usize = MAX_SERIES / 8;

impl fmt::Debug for BranchTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BranchTimes").field("labels", &self.shared.labels).finish_non_exhaustive()
    }
}
