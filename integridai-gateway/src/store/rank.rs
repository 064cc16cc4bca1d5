//! In which order waiting executions are claimed: weighted fair queueing in virtual time.
//!
//! Every execution gets a *rank* when it becomes due, and the smallest rank is claimed first. A *flow* is what one
//! principal has waiting at one priority. The rank is the end of its flow plus what the priority costs
//! ([`cost`]: 1 high, 32 normal, 1024 low), where the end of a flow is the greatest rank that it has waiting, and no
//! less than the *clock*: the greatest rank that was ever claimed. From this follow, whoever asks for what:
//!
//! - **Fairness.** Of principals with the same priority each gets its turn: the n-th of a flood stands n costs
//!   behind the clock, and the first of somebody else one. Whoever floods makes only its own wait longer.
//! - **Priority.** An urgent one stands 1 behind the clock, a normal one 32: of the same principal the urgent go
//!   first, 32 to 1 and 1024 to 1.
//! - **No starvation.** A rank is never changed, the clock never goes back, and each claim of a newcomer that goes
//!   before an execution of rank `r` moves the clock at least 1 towards `r`. So at most `r - clock` ranks are between,
//!   each held by a flow at most once: a low one waits for at most 1024 turns of everybody else, then it is next.
//!   Ageing is counted in claims, not in seconds; it goes as fast as the queue does.
//!
//! One that comes back (its worker was lost, or a step is tried again later) keeps its rank: it has waited already.

use super::Priority;

/// How far behind its flow's end one execution of this priority stands.
#[must_use]
pub fn cost(priority: Priority) -> i64 {
    match priority {
        Priority::High => 1,
        Priority::Normal => 32,
        Priority::Low => 1_024,
    }
}

/// The rank of an execution that becomes due: `flow_end` is the greatest rank of its flow that waits, `clock` the
/// greatest rank that was ever claimed.
#[must_use]
pub fn next_rank(priority: Priority, flow_end: Option<i64>, clock: Option<i64>) -> i64 {
    let begin = flow_end.unwrap_or(0).max(clock.unwrap_or(0));
    begin.saturating_add(cost(priority))
}
