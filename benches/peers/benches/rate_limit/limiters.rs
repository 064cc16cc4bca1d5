//! The limiters, ours and theirs, with the same quota.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{DefaultClock, QuantaInstant};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultKeyedRateLimiter, RateLimiter};
use integridai_tower::rate_limit::{Key, MemoryLimiter, MemoryLimiterOptions, Quota};
use limitador::limit::{Limit, Namespace};
use pingora_limits::rate::Rate;

/// Keys of which each limiter has room for all.
pub(crate) const KEYS: u32 = 100_000;

/// Where keys are spread over shards, room for no more than all of them would be too little.
pub(crate) const ROOM: usize = 131_072;

pub(crate) type GovernorWithState<K> =
    RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// How much there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Supply {
    /// A thousand a second, and so many at once that a bench does not come to the end of them.
    Ample,
    /// One an hour: all but the first are refused.
    Spent,
}

pub(crate) const PLENTY: u32 = 4_000_000_000;

/// What is counted by: an address, or a principal's name.
pub(crate) trait Name: Hash + Eq + Clone + Send + Sync + 'static {
    fn numbered(number: u32) -> Self;
    fn key(&self) -> Key;
    fn text(&self) -> String;
}

impl Name for IpAddr {
    fn numbered(number: u32) -> Self {
        Ipv4Addr::from_bits(0x0a00_0000 + number).into()
    }

    fn key(&self) -> Key {
        Key::from(*self)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Name for String {
    fn numbered(number: u32) -> Self {
        format!("5be86359-073c-434b-ad2d-{number:012x}")
    }

    fn key(&self) -> Key {
        Key::from(self.as_str())
    }

    fn text(&self) -> String {
        self.clone()
    }
}

pub(crate) trait Limiter<N>: Send + Sync + 'static {
    fn admits(&self, name: &N) -> bool;
}

pub(crate) fn ours(supply: Supply) -> MemoryLimiter {
    let quota = match supply {
        Supply::Ample => Quota::per_second(1000).burst(PLENTY),
        Supply::Spent => Quota::per_hour(1),
    };
    MemoryLimiterOptions::new().max_keys(ROOM).build([quota]).expect("it can work")
}

impl<N: Name> Limiter<N> for MemoryLimiter {
    fn admits(&self, name: &N) -> bool {
        self.check(&name.key()).is_admitted()
    }
}

fn governor_quota(supply: Supply) -> governor::Quota {
    let amount = |number| NonZeroU32::new(number).expect("it is not zero");
    match supply {
        Supply::Ample => governor::Quota::per_second(amount(1000)).allow_burst(amount(PLENTY)),
        Supply::Spent => governor::Quota::per_hour(amount(1)),
    }
}

pub(crate) fn governor<N: Name>(supply: Supply) -> DefaultKeyedRateLimiter<N> {
    RateLimiter::keyed(governor_quota(supply))
}

impl<N: Name> Limiter<N> for DefaultKeyedRateLimiter<N> {
    fn admits(&self, name: &N) -> bool {
        self.check_key(name).is_ok()
    }
}

/// It tells how much is left, as ours does.
pub(crate) fn governor_with_state<N: Name>(supply: Supply) -> GovernorWithState<N> {
    governor::<N>(supply).with_middleware()
}

impl<N: Name> Limiter<N> for GovernorWithState<N>
where
    StateInformationMiddleware: governor::middleware::RateLimitingMiddleware<QuantaInstant>,
{
    fn admits(&self, name: &N) -> bool {
        self.check_key(name).is_ok_and(|state| std::hint::black_box(state.remaining_burst_capacity()) > 0)
    }
}

pub(crate) struct Limitador {
    limiter: limitador::RateLimiter,
    namespace: Namespace,
}

pub(crate) fn limitador(supply: Supply) -> Limitador {
    let (most, seconds) = match supply {
        Supply::Ample => (PLENTY.into(), 1),
        Supply::Spent => (1, 3600),
    };
    let variable = "key".try_into().expect("an expression");
    let limiter = limitador::RateLimiter::new(ROOM as u64);
    limiter.add_limit(Limit::new("bench", most, seconds, [], [variable]));
    Limitador { limiter, namespace: "bench".into() }
}

impl<N: Name> Limiter<N> for Limitador {
    fn admits(&self, name: &N) -> bool {
        let values = HashMap::from([("key".to_owned(), name.text())]);
        let checked = self.limiter.check_rate_limited_and_update(&self.namespace, &values.into(), 1);
        !checked.expect("it has a key").limited
    }
}

pub(crate) struct Pingora {
    rate: Rate,
    most: isize,
}

pub(crate) fn pingora(supply: Supply) -> Pingora {
    let (most, seconds) = match supply {
        Supply::Ample => (PLENTY as isize, 1),
        Supply::Spent => (1, 3600),
    };
    Pingora { rate: Rate::new(Duration::from_secs(seconds)), most }
}

impl<N: Name> Limiter<N> for Pingora {
    fn admits(&self, name: &N) -> bool {
        self.rate.observe(name, 1) <= self.most
    }
}
