//! The addresses of one service, shared by all who call it.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::choose::{Random, choose};
use super::standing::{Scores, Standing, lock};
use super::{Balance, BalanceOptions};
use crate::ConfigError;

type Make<A, S> = Box<dyn Fn(&A) -> S + Send + Sync>;

/// The addresses of one service. A clone is the same balancer, to call by, to read and to change.
///
/// ```
/// use integridai_tower::client::balance::{AddressState, BalanceOptions};
/// use tower::service_fn;
///
/// let balancer = BalanceOptions::new().build("billing", ["10.0.0.1:80", "10.0.0.2:80"], |address| {
///     let address = *address;
///     service_fn(async move |_: http::Request<()>| Ok::<_, std::io::Error>(http::Response::new(address)))
/// })?;
/// let service = balancer.service();
/// # let _ = service;
///
/// balancer.update(["10.0.0.2:80", "10.0.0.3:80"])?;
/// let addresses = balancer.snapshot();
/// assert_eq!(addresses[0].address, "10.0.0.2:80");
/// assert!(addresses.iter().all(|address| address.state == AddressState::Available && address.pending == 0));
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
pub struct Balancer<A, S>(Arc<Shared<A, S>>);

pub(super) struct Shared<A, S> {
    name: Arc<str>,
    make: Make<A, S>,
    members: ArcSwap<Vec<Arc<Member<A, S>>>>,
    /// The id of the next address; held while addresses come and go.
    next_id: Mutex<u64>,
    scores: Arc<Scores>,
    random: Random,
}

/// One address, and the service that all calls of it go through.
pub(super) struct Member<A, S> {
    pub(super) address: A,
    pub(super) standing: Arc<Standing>,
    service: Mutex<S>,
}

impl<A, S: Clone> Member<A, S> {
    pub(super) fn service(&self) -> S {
        lock(&self.service).clone()
    }
}

/// How an address stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressSnapshot<A> {
    /// The address.
    pub address: A,
    /// Whether calls go there.
    pub state: AddressState,
    /// Calls under way.
    pub pending: usize,
    /// How long a call takes, at worst and as of late (peak EWMA); `None` before one has ended.
    pub usual_time: Option<Duration>,
    /// Calls so far.
    pub calls: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// How many times it was ejected.
    pub ejections: u64,
}

/// Whether calls go to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressState {
    /// They do.
    Available,
    /// They do not for this long, since it failed more than others.
    Ejected {
        /// How much longer.
        for_time: Duration,
    },
    /// They do not, until its health checks succeed again.
    Unhealthy,
}

impl<A, S> Balancer<A, S> {
    pub(super) fn with(
        options: &BalanceOptions,
        name: &str,
        addresses: impl IntoIterator<Item = A>,
        make: Make<A, S>,
    ) -> Result<Self, ConfigError>
    where
        A: Clone + Eq + Hash,
    {
        let balancer = Self(Arc::new(Shared {
            name: name.into(),
            make,
            members: ArcSwap::default(),
            next_id: Mutex::new(0),
            scores: Arc::new(Scores::new(options.clone())),
            random: Random::new(options.seed.unwrap_or_else(rand::random)),
        }));
        balancer.update(addresses)?;
        Ok(balancer)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A service that sends each call to one of the addresses.
    #[must_use]
    pub fn service(&self) -> Balance<A, S> {
        Balance::new(self.clone())
    }

    /// From now on these are the addresses. What is known of those that stay is kept; calls that are under way to others end as
    /// they would have.
    ///
    /// # Errors
    /// Where there is none: the former ones stay. Whoever finds no address has most likely failed to look them up.
    pub fn update(&self, addresses: impl IntoIterator<Item = A>) -> Result<(), ConfigError>
    where
        A: Clone + Eq + Hash,
    {
        let mut next_id = lock(&self.0.next_id);
        let former = self.0.members.load_full();
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        for address in addresses {
            if seen.insert(address.clone()) {
                let stays = former.iter().find(|member| member.address == address);
                members.push(stays.cloned().unwrap_or_else(|| self.member(address, &mut next_id)));
            }
        }
        if members.is_empty() {
            return Err(ConfigError::new("addresses", "expected at least one"));
        }
        // Only when all are made: making one may panic.
        let stays = |member: &&Arc<Member<A, S>>| former.iter().any(|known| Arc::ptr_eq(known, member));
        for comes in members.iter().filter(|member| !stays(member)) {
            self.0.scores.insert(&comes.standing);
        }
        self.0.members.store(Arc::new(members));
        for gone in former.iter().filter(|member| !seen.contains(&member.address)) {
            self.0.scores.remove(gone.standing.id);
        }
        self.0.scores.has_changed();
        Ok(())
    }

    fn member(&self, address: A, next_id: &mut u64) -> Arc<Member<A, S>> {
        let standing = Arc::new(Standing::new(*next_id));
        *next_id += 1;
        let service = Mutex::new((self.0.make)(&address));
        Arc::new(Member { address, standing, service })
    }

    /// How each address stands, in the order in which they were given.
    #[must_use]
    pub fn snapshot(&self) -> Vec<AddressSnapshot<A>>
    where
        A: Clone,
    {
        let now_ns = self.0.scores.now_ns();
        let members = self.0.members.load();
        members.iter().map(|member| self.address(member, now_ns)).collect()
    }

    fn address(&self, member: &Member<A, S>, now_ns: u64) -> AddressSnapshot<A>
    where
        A: Clone,
    {
        let Member { address, standing, .. } = member;
        let state = match standing.ejected_for_ns(now_ns) {
            _ if !standing.is_healthy() => AddressState::Unhealthy,
            0 => AddressState::Available,
            for_ns => AddressState::Ejected { for_time: Duration::from_nanos(for_ns) },
        };
        AddressSnapshot {
            address: address.clone(),
            state,
            pending: standing.pending.load(Ordering::Relaxed),
            usual_time: self.0.scores.usual_time(standing),
            calls: standing.calls.load(Ordering::Relaxed),
            failures: standing.failures.load(Ordering::Relaxed),
            ejections: standing.ejections.load(Ordering::Relaxed),
        }
    }

    pub(super) fn scores(&self) -> &Arc<Scores> {
        &self.0.scores
    }

    pub(super) fn members(&self) -> Arc<Vec<Arc<Member<A, S>>>> {
        self.0.members.load_full()
    }

    /// The better of two that are available and not among the `spent` ones.
    pub(super) fn choose(&self, spent: &[u64]) -> Option<Arc<Member<A, S>>> {
        let Shared { scores, random, .. } = &*self.0;
        let (members, now_ns) = (self.0.members.load(), scores.now_ns());
        let panics = panics(&members, scores, now_ns);
        let is_open = |member: &&Arc<Member<A, S>>| {
            let standing = &member.standing;
            (panics || standing.is_available(now_ns)) && !spent.contains(&standing.id)
        };
        let open = || members.iter().filter(is_open);
        // Another thread may close one between two looks.
        let cost = |index| open().nth(index).map_or(f64::MAX, |member| scores.cost(&member.standing, now_ns));
        let chosen = choose(open().count(), random.next(), cost)?;
        open().nth(chosen).or_else(|| open().next()).cloned()
    }

    pub(super) fn downgrade(&self) -> Weak<Shared<A, S>> {
        Arc::downgrade(&self.0)
    }

    pub(super) fn upgrade(shared: &Weak<Shared<A, S>>) -> Option<Self> {
        shared.upgrade().map(Self)
    }
}

/// Whether so few are available that all are used.
#[allow(clippy::cast_precision_loss, reason = "a small number")]
fn panics<A, S>(members: &[Arc<Member<A, S>>], scores: &Scores, now_ns: u64) -> bool {
    let available = members.iter().filter(|member| member.standing.is_available(now_ns)).count();
    available == 0 || (available as f64) < scores.options().panic_below * members.len() as f64
}

impl<A, S> Clone for Balancer<A, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Clone + fmt::Debug, S> fmt::Debug for Balancer<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balancer")
            .field("name", &self.0.name)
            .field("addresses", &self.snapshot())
            .finish_non_exhaustive()
    }
}
