//! Three replicas in processes of their own, at one limit.

use integridai_tower::rate_limit::redis::{Outage, RedisLimiter};
use tokio::runtime::{Builder, Runtime};

use crate::replica::{Counted, LIMIT, Order, REPLICAS, Replica, end, everybody, limiter, order};
use crate::support::redis::Redis;

/// One comes back in so many µs.
const INTERVAL_US: u64 = 60_000_000 / LIMIT as u64;

fn replicas(redis: &Redis, how: &str, outage: &str) -> Vec<Replica> {
    (0..REPLICAS).map(|_| Replica::start(&redis.url(), how, outage)).collect()
}

fn admitted(counted: &[Counted]) -> u32 {
    counted.iter().map(|counted| counted.admitted).sum()
}

/// Microseconds since 1970, as Redis has them.
fn time(redis: &Redis) -> u64 {
    let answer = redis.ask("TIME", "+OK").unwrap();
    let mut numbers = answer.lines().filter_map(|line| line.parse::<u64>().ok());
    numbers.next().unwrap() * 1_000_000 + numbers.next().unwrap()
}

/// The one who begins and has the last look.
struct Witness<'a> {
    redis: &'a Redis,
    runtime: Runtime,
    limiter: RedisLimiter,
    /// The first request of all was charged between these.
    first: (u64, u64),
}

impl<'a> Witness<'a> {
    fn begin(redis: &'a Redis) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let limiter = limiter(&redis.url(), Outage::Refuse);
        // So that it is connected.
        runtime.block_on(async { assert!(!limiter.inspect(&everybody()).await.is_without_store()) });
        let before = time(redis);
        assert!(runtime.block_on(limiter.check(&everybody())).is_admitted());
        let first = (before, time(redis));
        Self { redis, runtime, limiter, first }
    }

    /// That with it so many were admitted since, and that what is left is all that could have been admitted besides: to the
    /// request, since from the first one on one more comes back in each interval.
    fn attests(self, admitted: u32) {
        let before = time(self.redis);
        let standing = self.runtime.block_on(self.limiter.inspect(&everybody())).standing().unwrap();
        let (before, after) = (before - self.first.1, time(self.redis) - self.first.0);
        let all = u64::from(1 + admitted + standing.remaining);
        let (least, most) = (before / INTERVAL_US, after / INTERVAL_US);
        println!("1 + {admitted} were admitted, {} are left after {} ms", standing.remaining, after / 1000);
        let came_back = all - u64::from(LIMIT);
        assert!(
            (least..=most).contains(&came_back),
            "{came_back} more than {LIMIT}; {least} to {most} came back"
        );
    }
}

/// Round by round, so that all are at it until the end.
fn ask(replicas: &mut [Replica], rounds: u32) -> u32 {
    let mut of_each = vec![0; replicas.len()];
    for _ in 0..rounds {
        let counted = order(replicas, Order::Ask(500));
        for (of_one, counted) in of_each.iter_mut().zip(&counted) {
            assert_eq!(
                (counted.admitted + counted.over_quota, counted.without_redis),
                (500, 0),
                "{counted:?}"
            );
            *of_one += counted.admitted;
        }
    }
    println!("admitted: {of_each:?} of {} each", 500 * rounds);
    of_each.iter().sum()
}

fn three_replicas(how: &str) {
    let redis = Redis::start();
    let mut replicas = replicas(&redis, how, "refuse");
    order(&mut replicas, Order::AwaitRedis);
    let witness = Witness::begin(&redis);
    let admitted = ask(&mut replicas, 34);
    order(&mut replicas, Order::Return);
    witness.attests(admitted);
    end(replicas);
}

#[test]
fn fifty_thousand_requests_of_three_processes_get_the_limit_and_what_comes_back() {
    three_replicas("each");
}

#[test]
fn with_leases_they_get_the_same() {
    three_replicas("leased");
}

/// Four hundred of the thousand are used, Redis is killed, 24 000 are asked, Redis is there again, empty, and 25 500 are asked:
/// what each replica was answered without Redis.
fn through_an_outage(how: &str, outage: &str) -> Vec<Counted> {
    let redis = Redis::start();
    let port = redis.server().port();
    let mut replicas = replicas(&redis, how, outage);
    order(&mut replicas, Order::AwaitRedis);
    let first = order(&mut replicas, Order::Ask(100));
    assert_eq!((admitted(&first), first[0].without_redis), (300, 0), "{first:?}");
    drop(redis);
    let held = order(&mut replicas, Order::AskUntilWithoutRedis);
    let mut during = order(&mut replicas, Order::Ask(8000));
    for (during, held) in during.iter_mut().zip(&held) {
        assert_eq!((during.without_redis, held.without_redis), (8000, 1), "{during:?}, {held:?}");
        during.milliseconds += held.milliseconds;
    }
    // What was held had been charged before.
    let decided_alone = |held: &Counted| held.admitted + held.over_quota + held.unavailable - 1;
    let from_leases: u32 = held.iter().map(|held| held.admitted.min(decided_alone(held))).sum();
    assert!(from_leases <= if how == "each" { 0 } else { LIMIT - 300 }, "{held:?}");
    let redis = Redis::start_on(port);
    order(&mut replicas, Order::AwaitRedis);
    let witness = Witness::begin(&redis);
    let admitted = ask(&mut replicas, 17);
    order(&mut replicas, Order::Return);
    witness.attests(admitted);
    end(replicas);
    during
}

fn refuses(how: &str) {
    for counted in through_an_outage(how, "refuse") {
        assert_eq!((counted.admitted, counted.unavailable), (0, 8000), "{counted:?}");
    }
}

fn admits(how: &str) {
    for counted in through_an_outage(how, "admit") {
        assert_eq!((counted.admitted, counted.over_quota), (8000, 0), "{counted:?}");
    }
}

fn admits_a_share(how: &str) {
    for counted in through_an_outage(how, "local") {
        // The first of its share was the one that found out that Redis is gone.
        let share = LIMIT.div_ceil(REPLICAS);
        let most = share + share * (counted.milliseconds + 1) / 60_000;
        assert!((share - 1..=most).contains(&counted.admitted), "{counted:?}, {share} to {most}");
        assert_eq!(counted.admitted + counted.over_quota, 8000, "{counted:?}");
    }
}

#[test]
fn three_processes_whose_redis_is_killed_are_refused_until_it_is_back_where_that_is_wanted() {
    refuses("each");
}

#[test]
fn three_processes_whose_redis_is_killed_admit_everybody_until_it_is_back_where_that_is_wanted() {
    admits("each");
}

#[test]
fn three_processes_whose_redis_is_killed_admit_their_shares_until_it_is_back_where_that_is_wanted() {
    admits_a_share("each");
}

#[test]
fn with_leases_they_are_refused_once_those_are_used_up() {
    refuses("leased");
}

#[test]
fn with_leases_they_admit_everybody_once_those_are_used_up() {
    admits("leased");
}

#[test]
fn with_leases_they_admit_their_shares_once_those_are_used_up() {
    admits_a_share("leased");
}
