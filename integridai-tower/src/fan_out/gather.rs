//! Several futures at the same time, and one result.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::branches::Branches;
use super::engine::{Engine, Settings, stop};
use super::error::{Cause, GatherError};
use super::list::List;
use super::policy::{Policy, Unmet, Verdict};
use crate::{BranchEnd, BranchOutcome, BranchOutcomes, Deadline};

/// Runs all branches at the same time, in the task that awaits it, and puts together what they give.
///
/// Branches that are ready cost no allocation but for their outcomes. Dropping it drops all of them.
///
/// # Panics
///
/// When a branch or the whole has a time limit and is not done at once outside of a tokio runtime with its time enabled. A panic of a
/// branch goes through; the other branches are dropped with it.
///
/// # Examples
/// A required branch gives its value, an optional one a `Result`:
/// ```
/// use std::time::Duration;
/// use integridai_tower::fan_out::{Branch, BranchError, Gathered, gather};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), integridai_tower::fan_out::GatherError> {
/// let Gathered { values: (user, total, advertisement), outcomes } = gather((
///     Branch::required("user", async { Ok::<_, std::io::Error>("alice") }),
///     Branch::required("orders", async { Ok::<_, std::io::Error>(3_u32) }).timeout(Duration::from_secs(1)),
///     Branch::optional("advertisement", std::future::pending::<Result<String, std::io::Error>>())
///         .timeout(Duration::from_millis(10)),
/// ))
/// .await?;
///
/// assert_eq!((user, total), ("alice", 3));
/// assert!(matches!(advertisement, Err(BranchError::TimedOut)));
/// assert_eq!(outcomes.missing().map(|branch| &*branch.name).collect::<Vec<_>>(), ["advertisement"]);
/// # Ok(())
/// # }
/// ```
/// Many of one type, four at a time, until two have answered:
/// ```
/// use integridai_tower::fan_out::{Branch, Policy, gather};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), integridai_tower::fan_out::GatherError> {
/// let ask = |replica: u32| async move {
///     if replica == 0 { Err(std::io::Error::other("down")) } else { Ok(replica * 10) }
/// };
/// let replicas = (0..20).map(|replica| Branch::optional(format!("replica-{replica}"), ask(replica)));
/// let gathered = gather(replicas.collect::<Vec<_>>()).policy(Policy::Quorum(2)).concurrency(4).await?;
///
/// let answers: Vec<u32> = gathered.values.into_iter().filter_map(Result::ok).collect();
/// assert_eq!(answers, [10, 20]);
/// # Ok(())
/// # }
/// ```
pub fn gather<B: Branches>(branches: B) -> Gather<B> {
    let settings = Settings { policy: Policy::default(), concurrency: usize::MAX, deadline: None };
    Gather::new(branches, settings)
}

pin_project! {
    /// The future of [`gather`].
    ///
    /// # Errors
    ///
    /// [`GatherError`], when a required branch gave nothing, or fewer succeeded than the policy asks for.
    #[must_use = "futures do nothing unless polled"]
    pub struct Gather<B: Branches> {
        engine: Engine,
        #[pin]
        list: B::List,
    }
}

/// What the branches gave.
#[derive(Debug, Clone)]
pub struct Gathered<V> {
    /// The value of each branch, in the order of the branches.
    pub values: V,
    /// How each branch ended.
    pub outcomes: BranchOutcomes,
}

impl<B: Branches> Gather<B> {
    /// With all that it keeps to at once: it is large, and each method below moves it.
    #[inline]
    pub(super) fn new(branches: B, settings: Settings) -> Self {
        Self { engine: Engine::new(settings), list: branches.into_list() }
    }

    /// When there is a result; [`Policy::Required`] unless told.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.engine.settings().policy = policy;
        self
    }

    /// So many branches run at the same time, at least 1; the others begin as those end, in their order. All at once unless told.
    pub fn concurrency(mut self, branches: usize) -> Self {
        self.engine.settings().concurrency = branches.max(1);
        self
    }

    /// When all branches have to have ended, whatever their own time.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.engine.settings().deadline = Some(deadline.instant());
        self
    }
}

impl<B: Branches> Future for Gather<B> {
    type Output = Result<Gathered<B::Values>, GatherError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let verdict = ready!(this.engine.advance(this.list.as_mut(), context));
        stop(this.list.as_mut());
        let outcomes = outcomes(this.list.as_mut());
        Poll::Ready(match verdict {
            Verdict::Unmet(unmet) => Err(GatherError::new(cause(this.list, unmet, &outcomes), outcomes)),
            Verdict::Settled | Verdict::Wait => {
                let values = this.list.values().expect("settled only with a value of every required branch");
                Ok(Gathered { values: B::unpack(values), outcomes })
            }
        })
    }
}

fn outcomes<L: List>(mut list: Pin<&mut L>) -> BranchOutcomes {
    let branches = 0..list.len();
    let missing = || BranchOutcome::new("", false);
    // One allocation: the number of branches is known.
    let taken = |index| list.as_mut().slot(index).map_or_else(missing, |slot| slot.progress().take_outcome());
    branches.map(taken).collect()
}

fn cause<L: List>(list: Pin<&mut L>, unmet: Unmet, outcomes: &BranchOutcomes) -> Cause {
    let any_timed_out = outcomes.iter().any(|branch| branch.end == BranchEnd::TimedOut);
    match unmet {
        Unmet::TooFew { succeeded, at_least } => Cause::TooFew { succeeded, at_least, any_timed_out },
        Unmet::Needed { index } => {
            let branch = outcomes.iter().nth(index);
            let (name, end) = branch
                .map_or_else(|| ("".into(), BranchEnd::Failed), |branch| (branch.name.clone(), branch.end));
            Cause::Branch { name, end, source: list.slot(index).and_then(|slot| slot.take_error()) }
        }
    }
}

impl<B: Branches> fmt::Debug for Gather<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("engine", &self.engine).finish_non_exhaustive()
    }
}
