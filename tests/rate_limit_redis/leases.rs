//! Blocks of the shared quota that are taken ahead of use.

use std::time::Duration;

use futures_util::future::join_all;
use integridai_tower::rate_limit::redis::{
    LeasedLimiter, LeasedLimiterOptions, Outage, RedisLimiter, RedisLimiterOptions, ReturnLeases,
};
use integridai_tower::rate_limit::{Ask, Key, Outcome, Quota, Verdict};

use crate::support::redis::Redis;
use crate::until::until;

pub(crate) fn shared(redis: &Redis, quota: Quota) -> RedisLimiter {
    let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(10));
    options.build(&redis.url(), "leases", [quota]).unwrap()
}

pub(crate) fn leased(redis: &Redis, quota: Quota) -> (LeasedLimiter, ReturnLeases) {
    LeasedLimiterOptions::new().lease_time(Duration::from_millis(100)).build(shared(redis, quota)).unwrap()
}

fn admitted(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| verdict.is_admitted()).count()
}

/// How often a script was run.
pub(crate) fn questions(redis: &Redis) -> u64 {
    let answer = redis.ask("INFO commandstats", "+OK").unwrap();
    let line = answer.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap();
    let calls = line.split_once("calls=").unwrap().1.split(',').next().unwrap();
    calls.parse().unwrap()
}

#[tokio::test]
async fn a_busy_key_costs_a_fraction_of_a_question_each() {
    let redis = Redis::start();
    let (limiter, _returns) = leased(&redis, Quota::per_second(1_000_000));
    let key = Key::from("busy");
    let mut verdicts = Vec::new();
    for _ in 0..20_000 {
        verdicts.push(limiter.check(&key).await);
    }
    let asked = questions(&redis);
    println!("{asked} questions for 20 000 requests");
    assert_eq!(admitted(&verdicts), 20_000);
    assert!(asked <= 1000, "{asked} questions");
}

#[tokio::test]
async fn a_key_over_its_limit_costs_no_questions() {
    let redis = Redis::start();
    let (limiter, _returns) = leased(&redis, Quota::per_hour(10));
    let key = Key::from("greedy");
    let mut verdicts = Vec::new();
    for _ in 0..5000 {
        verdicts.push(limiter.check(&key).await);
    }
    assert_eq!(admitted(&verdicts), 10);
    let retry_after = verdicts.last().unwrap().retry_after().unwrap();
    assert!((350..=360).contains(&retry_after.as_secs()), "{retry_after:?}");
    assert!(questions(&redis) < 200, "{}", questions(&redis));
}

#[tokio::test]
async fn all_who_come_at_once_get_what_there_is_and_no_more() {
    let redis = Redis::start();
    let (first, _returns) = leased(&redis, Quota::per_hour(100));
    let (second, _returns) = leased(&redis, Quota::per_hour(100));
    let key = Key::from("k");
    let (one, other) = tokio::join!(
        join_all((0..300).map(|_| first.check(&key))),
        join_all((0..300).map(|_| second.check(&key))),
    );
    let total = admitted(&one) + admitted(&other);
    assert!(total <= 100, "{total} were admitted");
    // What one holds that the other could have used is little, and comes back.
    first.return_all().await;
    second.return_all().await;
    let rest = shared(&redis, Quota::per_hour(100));
    let rest = rest.inspect(&key).await.standing().unwrap().remaining;
    assert_eq!(u32::try_from(total).unwrap() + rest, 100, "nothing is lost");
}

#[tokio::test]
async fn what_is_not_used_in_time_is_given_back() {
    let redis = Redis::start();
    let (idle, returns) = leased(&redis, Quota::per_hour(1000));
    let key = Key::from("k");
    for _ in 0..100 {
        assert!(idle.check(&key).await.is_admitted());
    }
    let shared = shared(&redis, Quota::per_hour(1000));
    let left = async || shared.inspect(&key).await.standing().unwrap().remaining;
    assert!(left().await < 900, "some is held");
    let returning = tokio::spawn(returns.run());
    let is_back = until(async || left().await == 900).await;
    returning.abort();
    assert!(is_back, "{} are left", left().await);
    // What has expired here cannot be used any longer, so Redis is asked anew.
    assert!(idle.check(&key).await.is_admitted());
    assert!((700..900).contains(&left().await), "{} are left", left().await);
}

#[tokio::test]
async fn costs_refunds_and_those_who_wait_are_exact_too() {
    let redis = Redis::start();
    let (limiter, _returns) = leased(&redis, Quota::per_hour(10));
    let key = Key::from("k");
    let costing = |cost| Ask { cost, ..Ask::once(&key) };
    assert!(limiter.decide(&costing(4)).await.is_admitted());
    assert_eq!(limiter.decide(&costing(11)).await.outcome(), Outcome::TooCostly);
    let verdict = limiter.decide(&costing(6)).await;
    assert!(verdict.is_admitted());
    assert!(!limiter.decide(&costing(1)).await.is_admitted());
    limiter.shared().give_back(&key, 3, &verdict).await;
    let patient = Ask { patience: Duration::from_secs(400), ..costing(4) };
    let wait = match limiter.decide(&patient).await.outcome() {
        Outcome::Admitted { wait } => wait,
        outcome => panic!("{outcome:?}"),
    };
    assert!((350..=360).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn without_redis_the_policy_decides_what_the_lease_does_not() {
    let redis = Redis::start();
    let options =
        RedisLimiterOptions::new().response_timeout(Duration::from_secs(2)).on_outage(Outage::Admit);
    let shared = options.build(&redis.url(), "leases", [Quota::per_hour(1000)]).unwrap();
    let (limiter, _returns) =
        LeasedLimiterOptions::new().lease_time(Duration::from_secs(60)).build(shared).unwrap();
    let key = Key::from("k");
    for _ in 0..50 {
        assert!(limiter.check(&key).await.is_admitted());
    }
    drop(redis);
    for _ in 0..500 {
        assert!(limiter.check(&key).await.is_admitted());
    }
    let status = limiter.shared().status();
    assert!(status.is_down && status.without_redis > 400 && status.without_redis < 500, "{status:?}");
}

#[tokio::test]
async fn leases_are_taken_again_when_redis_is_back() {
    let redis = Redis::start();
    let port = redis.server().port();
    let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(2));
    let shared = options.build(&redis.url(), "leases", [Quota::per_hour(100_000)]).unwrap();
    let (limiter, _returns) =
        LeasedLimiterOptions::new().lease_time(Duration::from_millis(20)).build(shared).unwrap();
    let key = Key::from("k");
    assert!(limiter.check(&key).await.is_admitted());
    drop(redis);
    let mut is_refused = false;
    for _ in 0..2000 {
        is_refused = limiter.check(&key).await.outcome() == Outcome::Unavailable;
        if is_refused {
            break;
        }
    }
    assert!(is_refused && limiter.shared().status().is_down);
    let _redis = Redis::start_on(port);
    let is_back = until(async || limiter.check(&key).await.is_admitted()).await;
    assert!(is_back && !limiter.shared().status().is_down, "{:?}", limiter.shared().status());
}

#[tokio::test]
async fn keys_beyond_the_bound_are_asked_for_one_by_one() {
    let redis = Redis::start();
    let options = LeasedLimiterOptions::new().max_keys(1).lease_time(Duration::from_secs(60));
    let (limiter, _returns) = options.build(shared(&redis, Quota::per_hour(3))).unwrap();
    for number in 0..200 {
        let key = Key::from(number.to_string().as_str());
        let verdicts = [
            limiter.check(&key).await,
            limiter.check(&key).await,
            limiter.check(&key).await,
            limiter.check(&key).await,
        ];
        assert_eq!(admitted(&verdicts), 3, "key {number}");
    }
}

#[test]
fn bounds_that_cannot_work_are_refused() {
    let shared = || RedisLimiter::new("redis://127.0.0.1:1", "x", [Quota::per_day(1)]).unwrap();
    let options = LeasedLimiterOptions::new;
    assert!(options().lease_time(Duration::ZERO).build(shared()).is_err());
    assert!(options().lease_time(Duration::from_secs(61)).build(shared()).is_err());
    assert!(options().max_block(0).build(shared()).is_err());
    assert!(options().max_keys(0).build(shared()).is_err());
}
