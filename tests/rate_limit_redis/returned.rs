//! What becomes of leases whose requests leave, whose Redis goes, or whose server goes down.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use integridai_tower::rate_limit::redis::{LeasedLimiter, LeasedLimiterOptions, RedisLimiter};
use integridai_tower::rate_limit::{Key, Quota};
use tokio::sync::oneshot;

use crate::leases::{leased, questions, shared};
use crate::support::redis::Redis;
use crate::until::until;

const THOUSAND: fn() -> Quota = || Quota::per_hour(1000);

fn key() -> Key {
    Key::from("k")
}

/// Of the thousand, as Redis has it.
async fn left(redis: &Redis) -> u32 {
    shared(redis, THOUSAND()).inspect(&key()).await.standing().unwrap().remaining
}

/// Asks until something is held, and tells how many were admitted so far.
async fn hold(redis: &Redis, limiter: &LeasedLimiter) -> u32 {
    for admitted in 1..=100 {
        assert!(limiter.check(&key()).await.is_admitted());
        if left(redis).await + admitted < 1000 {
            return admitted;
        }
    }
    panic!("nothing is held");
}

/// Asks until a request has to ask Redis for a block, and leaves that request when the question is on its way.
async fn leave_a_question(redis: &Redis, limiter: &LeasedLimiter) -> u32 {
    let (key, mut admitted) = (key(), hold(redis, limiter).await);
    loop {
        let before = questions(redis);
        if limiter.check(&key).now_or_never().is_none() {
            assert!(until(async || questions(redis) > before).await, "it has been asked");
            return admitted;
        }
        admitted += 1;
    }
}

#[tokio::test]
async fn a_request_that_leaves_leaves_its_block_to_the_next_one() {
    let redis = Redis::start();
    let options = LeasedLimiterOptions::new().lease_time(Duration::from_secs(60));
    let (limiter, _returns) = options.build(shared(&redis, THOUSAND())).unwrap();
    let admitted = leave_a_question(&redis, &limiter).await;
    let before = questions(&redis);
    assert!(limiter.check(&key()).await.is_admitted());
    assert_eq!(questions(&redis), before, "the block is there");
    limiter.return_all().await;
    assert_eq!(left(&redis).await, 1000 - admitted - 1, "nothing is lost");
}

#[tokio::test]
async fn a_block_for_which_nobody_comes_is_given_back_in_its_time() {
    let redis = Redis::start();
    let (limiter, returns) = leased(&redis, THOUSAND());
    let admitted = leave_a_question(&redis, &limiter).await;
    let returning = tokio::spawn(returns.run());
    let is_back = until(async || left(&redis).await == 1000 - admitted).await;
    returning.abort();
    assert!(is_back, "{} are left after {admitted}", left(&redis).await);
}

#[tokio::test]
async fn of_many_that_wait_for_a_block_any_may_leave() {
    let redis = Redis::start();
    let (limiter, _returns) = leased(&redis, THOUSAND());
    let (key, mut admitted) = (key(), 0);
    for leaving in 1..20 {
        let mut waiting = Vec::new();
        for _ in 0..20 {
            let mut check = Box::pin(limiter.check(&key));
            match (&mut check).now_or_never() {
                Some(verdict) => admitted += u32::from(verdict.is_admitted()),
                None => waiting.push(check),
            }
        }
        let staying = waiting.split_off(leaving.min(waiting.len()));
        drop(waiting);
        let verdicts = join_all(staying).await;
        admitted += verdicts.iter().map(|verdict| u32::from(verdict.is_admitted())).sum::<u32>();
    }
    limiter.return_all().await;
    assert_eq!(left(&redis).await + admitted, 1000, "nothing is lost");
}

#[tokio::test]
async fn at_the_end_all_is_given_back_and_nothing_is_taken_ahead_any_longer() {
    let redis = Redis::start();
    let options = LeasedLimiterOptions::new().lease_time(Duration::from_secs(60));
    let (limiter, returns) = options.build(shared(&redis, THOUSAND())).unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let returning = tokio::spawn(returns.run_until(async { drop(ended.await) }));
    let admitted = hold(&redis, &limiter).await;
    end.send(()).unwrap();
    returning.await.unwrap();
    assert_eq!(left(&redis).await, 1000 - admitted);
    for more in 1..=5 {
        assert!(limiter.check(&key()).await.is_admitted());
        assert_eq!(left(&redis).await, 1000 - admitted - more);
    }
}

#[tokio::test]
async fn the_end_waits_for_questions_that_are_under_way() {
    let redis = Redis::start();
    let options = LeasedLimiterOptions::new().lease_time(Duration::from_secs(60));
    let (limiter, returns) = options.build(shared(&redis, THOUSAND())).unwrap();
    let admitted = leave_a_question(&redis, &limiter).await;
    returns.run_until(std::future::ready(())).await;
    assert_eq!(left(&redis).await, 1000 - admitted);
}

#[tokio::test]
async fn without_redis_the_end_comes_all_the_same() {
    let redis = Redis::start();
    let (limiter, returns) = leased(&redis, THOUSAND());
    hold(&redis, &limiter).await;
    for number in 0..1000 {
        let _ = limiter.check(&Key::from(number.to_string().as_str())).await;
    }
    drop(redis);
    returns.run_until(std::future::ready(())).await;
    assert!(limiter.shared().status().is_down);
}

#[tokio::test]
async fn a_key_that_is_reset_is_whole_and_is_given_back_nothing() {
    let redis = Redis::start();
    let options = LeasedLimiterOptions::new().lease_time(Duration::from_secs(60));
    let (limiter, _returns) = options.build(shared(&redis, THOUSAND())).unwrap();
    hold(&redis, &limiter).await;
    assert!(limiter.reset(&key()).await);
    assert_eq!(left(&redis).await, 1000);
    use_half(&redis).await;
    limiter.return_all().await;
    assert_eq!(left(&redis).await, 500);
    for _ in 0..500 {
        assert!(limiter.check(&key()).await.is_admitted());
    }
    assert!(!limiter.check(&key()).await.is_admitted());
    assert!(limiter.reset(&key()).await);
    assert!(limiter.check(&key()).await.is_admitted(), "the refusal is not believed any longer");
}

/// Five hundred of the thousand, of a Redis that knows nothing of what was charged before.
async fn use_half(redis: &Redis) -> RedisLimiter {
    let other = shared(redis, THOUSAND());
    for _ in 0..500 {
        assert!(other.check(&key()).await.is_admitted());
    }
    other
}

#[tokio::test]
async fn a_redis_that_is_new_is_given_back_nothing_that_it_has_not_charged() {
    for is_noticed in [false, true] {
        return_to_a_new_redis(is_noticed).await;
    }
}

async fn return_to_a_new_redis(is_noticed: bool) {
    let redis = Redis::start();
    let port = redis.server().port();
    let options = LeasedLimiterOptions::new().lease_time(Duration::from_secs(60));
    let (limiter, _returns) = options.build(shared(&redis, THOUSAND())).unwrap();
    hold(&redis, &limiter).await;
    drop(redis);
    let redis = Redis::start_on(port);
    let other = use_half(&redis).await;
    let asks = async || {
        let _ = limiter.check(&Key::from("other")).await;
        limiter.shared().status().outages == 1 && !limiter.shared().status().is_down
    };
    assert!(!is_noticed || until(asks).await);
    limiter.return_all().await;
    assert_eq!(other.inspect(&key()).await.standing().unwrap().remaining, 500);
}
