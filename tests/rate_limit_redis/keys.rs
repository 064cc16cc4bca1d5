//! What stands in Redis, and for how long.

use std::time::Duration;

use http::Request;
use integridai_tower::Clock;
use integridai_tower::rate_limit::redis::{RedisLimiter, RedisLimiterOptions};
use integridai_tower::rate_limit::{Ask, Key, Outcome, Quota, RateLimitLayer, RequestHead};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::redis::Redis;

fn limiter(redis: &Redis, name: &str, quotas: impl IntoIterator<Item = Quota>) -> RedisLimiter {
    let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(5));
    options.build(&redis.url(), name, quotas).unwrap()
}

/// A line of what Redis answers.
fn ask(redis: &Redis, command: &str) -> String {
    let answer = redis.ask(command, "+OK").unwrap();
    answer.trim_end_matches("+OK\r\n").to_owned()
}

#[tokio::test]
async fn a_key_in_redis_shows_nothing_and_expires_when_it_is_whole_again() {
    let redis = Redis::start();
    let limiter = limiter(&redis, "api", [Quota::per_minute(60)]);
    let key = Key::from("alice@example.org");
    let mut verdict = limiter.check(&key).await;
    for _ in 0..2 {
        verdict = limiter.check(&key).await;
        assert!(verdict.is_admitted());
    }
    let keys = ask(&redis, "KEYS *");
    let name = keys.lines().nth(2).unwrap();
    assert!(name.starts_with("rate_limit:{api:") && name.ends_with('}'), "{name}");
    assert!(!keys.contains("alice") && !ask(&redis, &format!("GET {name}")).contains("alice"));
    let expires: u64 = ask(&redis, &format!("PTTL {name}")).trim_start_matches(':').trim().parse().unwrap();
    assert!((1..=3010).contains(&expires), "{expires} ms for three of a second each");
    limiter.give_back(&key, 3, &verdict).await;
    assert!(ask(&redis, "KEYS *").starts_with("*0"), "nothing is owed");
}

#[tokio::test]
async fn limiters_share_by_name() {
    let redis = Redis::start();
    let quotas = || [Quota::per_day(2)];
    let (first, second) = (limiter(&redis, "a", quotas()), limiter(&redis, "a", quotas()));
    let key = Key::from("k");
    assert!(first.check(&key).await.is_admitted() && second.check(&key).await.is_admitted());
    assert!(!first.check(&key).await.is_admitted() && !second.check(&key).await.is_admitted());
    assert!(limiter(&redis, "b", quotas()).check(&key).await.is_admitted());
    let prefixed = RedisLimiterOptions::new().prefix("other").build(&redis.url(), "a", quotas()).unwrap();
    assert!(prefixed.check(&key).await.is_admitted());
}

#[tokio::test]
async fn a_server_that_forgot_the_script_is_told_again() {
    let redis = Redis::start();
    let limiter = limiter(&redis, "api", [Quota::per_day(2)]);
    let key = Key::from("k");
    assert!(limiter.check(&key).await.is_admitted());
    ask(&redis, "SCRIPT FLUSH");
    assert!(limiter.check(&key).await.is_admitted());
    assert!(!limiter.check(&key).await.is_admitted());
    assert_eq!(limiter.status().outages, 0);
}

#[tokio::test]
async fn other_quotas_keep_what_was_used_and_so_do_replicas_with_the_former_ones() {
    let redis = Redis::start();
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    let options = RedisLimiterOptions::new().clock(clock.clone()).response_timeout(Duration::from_secs(5));
    let build = |quotas: Vec<Quota>| options.build(&redis.url(), "api", quotas).unwrap();
    let key = Key::from("k");
    let former = build(vec![Quota::per_minute(10)]);
    for _ in 0..4 {
        assert!(former.check(&key).await.is_admitted());
    }
    let left = async |limiter: &RedisLimiter| limiter.inspect(&key).await.standing().unwrap().remaining;
    let next = build(vec![Quota::per_minute(20), Quota::per_day(100)]);
    assert_eq!(left(&next).await, 16);
    next.set_quotas([Quota::per_minute(5)]).unwrap();
    assert_eq!(left(&next).await, 1);
    assert!(next.check(&key).await.is_admitted());
    assert_eq!(next.check(&key).await.outcome(), Outcome::Refused { retry_after: Duration::from_secs(12) });
    assert_eq!(left(&former).await, 5, "five were used, whoever asks");
    assert!(next.set_quotas([Quota::per_minute(0)]).is_err());
}

#[tokio::test]
async fn a_refund_gives_back_no_more_than_was_charged_whatever_the_quotas_became() {
    let redis = Redis::start();
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    let options = RedisLimiterOptions::new().clock(clock.clone()).response_timeout(Duration::from_secs(5));
    let limiter = options.build(&redis.url(), "api", [Quota::per_minute(600)]).unwrap();
    let key = Key::from("k");
    let mut verdict = limiter.check(&key).await;
    for _ in 0..19 {
        verdict = limiter.check(&key).await;
        assert!(verdict.is_admitted());
    }
    // One request is a tenth of a second there and a second here, in the same ticks.
    limiter.set_quotas([Quota::per_minute(60)]).unwrap();
    limiter.give_back(&key, 2, &verdict).await;
    let left = limiter.inspect(&key).await.standing().unwrap().remaining;
    assert!(left <= 42, "{left} of 60 are left after 18 of 600");
}

#[tokio::test]
async fn a_quota_that_some_replicas_do_not_know_yet_is_not_forgotten_by_them() {
    let redis = Redis::start();
    let former = limiter(&redis, "api", [Quota::per_hour(100)]);
    let next = limiter(&redis, "api", [Quota::per_hour(100), Quota::per_day(3)]);
    let key = Key::from("k");
    for _ in 0..3 {
        assert!(next.check(&key).await.is_admitted() && former.check(&key).await.is_admitted());
    }
    assert!(!next.check(&key).await.is_admitted(), "three of the day are used");
    assert!(former.check(&key).await.is_admitted());
}

#[tokio::test]
async fn what_is_no_value_of_ours_is_replaced() {
    let redis = Redis::start();
    let limiter = limiter(&redis, "api", [Quota::per_day(5)]);
    let key = Key::from("k");
    assert!(limiter.check(&key).await.is_admitted());
    let keys = ask(&redis, "KEYS *");
    let name = keys.lines().nth(2).unwrap();
    let mut commands: Vec<String> = HOSTILE.iter().map(|value| format!("SET {name} \"{value}\"")).collect();
    commands.push(format!("LPUSH {name} 1"));
    for command in commands {
        ask(&redis, &format!("DEL {name}"));
        ask(&redis, &command);
        assert_eq!(limiter.inspect(&key).await.standing().unwrap().remaining, 5, "{command}");
        let verdict = limiter.check(&key).await;
        assert!(verdict.is_admitted(), "{command}");
        assert_eq!(limiter.inspect(&key).await.standing().unwrap().remaining, 4, "{command}");
        ask(&redis, &format!("DEL {name}"));
        ask(&redis, &command);
        limiter.give_back(&key, 1, &verdict).await;
        assert_eq!(limiter.inspect(&key).await.standing().unwrap().remaining, 5, "{command}");
    }
    assert_eq!(limiter.status().outages, 0);
}

/// Five a day: one is 17 280 000 000 µs, a tick a µs, and five are 86 400 000 000.
const HOSTILE: [&str; 18] = [
    "nonsense",
    "day",
    "day,a,b,c,d,e,f,g",
    "day 1 0 1 17280000000 0 86400000000",
    "day nan 0 1 17280000000 0 86400000000 0",
    "day inf 0 1 17280000000 0 86400000000 0",
    "day -1 0 1 17280000000 0 86400000000 0",
    "day 1.5 0 1 17280000000 0 86400000000 0",
    "day 1e300 0 1 17280000000 0 86400000000 0",
    "day 8000000000000000 7 1 17280000000 0 86400000000 0",
    "day 8000000000000000 0 0 17280000000 0 86400000000 0",
    "day 8000000000000000 0 1e300 17280000000 0 86400000000 0",
    "day 8000000000000000 0 0.5 17280000000 0 86400000000 0",
    "day 8000000000000000 0 1 0 0 86400000000 0",
    "day 8000000000000000 0 1 1e300 0 86400000000 0",
    "day 8000000000000000 0 4294967296 17280000000 0 86400000000 0",
    "day 8000000000000000 0 1 17280000000 0 1e300 0",
    "day x y z 17280000000 0 86400000000 0",
];

#[tokio::test]
async fn whoever_owes_more_than_can_be_told_owes_a_burst() {
    let redis = Redis::start();
    let limiter = limiter(&redis, "api", [Quota::per_day(5)]);
    let key = Key::from("k");
    assert!(limiter.check(&key).await.is_admitted());
    let keys = ask(&redis, "KEYS *");
    let name = keys.lines().nth(2).unwrap();
    for (value, why) in [
        ("day 9007199254740992 0 1 17280000000 0 86400000000 0", "in thousands of years"),
        ("day 9007199254740992 0 1 8640000000 0 86400000000 0", "the same, of other quotas"),
        ("day 8000000000000000 4294967295 4294967296 1 0 86400000000 0", "in centuries, of other quotas"),
    ] {
        ask(&redis, &format!("SET {name} \"{value}\""));
        let verdict = limiter.check(&key).await;
        let within_a_fifth = verdict.retry_after().unwrap().as_secs().div_ceil(3600);
        assert_eq!((verdict.is_admitted(), within_a_fifth), (false, 5), "{why}: {verdict:?}");
    }
    assert_eq!(limiter.status().outages, 0);
}

#[tokio::test]
async fn nobody_waits_behind_more_than_can_be_told() {
    let redis = Redis::start();
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    let options = RedisLimiterOptions::new().clock(clock.clone()).response_timeout(Duration::from_secs(5));
    let limiter = options.build(&redis.url(), "api", [Quota::per_day(5)]).unwrap();
    let key = Key::from("k");
    let patient = Ask { patience: Duration::MAX, ..Ask::once(&key) };
    assert!(limiter.decide(&patient).await.is_admitted());
    let keys = ask(&redis, "KEYS *");
    let name = keys.lines().nth(2).unwrap();
    let furthest = (1_700_000_000_000_000_u64 + (1 << 52)) / 17_280_000_000 * 17_280_000_000;
    ask(&redis, &format!("SET {name} \"day {furthest} 0 1 17280000000 0 86400000000 0\""));
    let verdict = limiter.decide(&patient).await;
    let years = verdict.retry_after().unwrap().as_secs() / 86_400 / 365;
    assert_eq!((verdict.is_admitted(), years), (false, 142), "{verdict:?}");
    clock.advance(Duration::from_secs(86_400));
    assert!(limiter.decide(&patient).await.is_admitted());
    let lasting = Quota::new(1, Duration::from_secs(366 * 86_400)).burst(200);
    assert!(RedisLimiter::new(&redis.url(), "api", [lasting.clone()]).is_err());
    assert!(limiter.set_quotas([lasting]).is_err());
}

#[tokio::test]
async fn the_layer_waits_for_redis_and_gives_back_there() {
    let redis = Redis::start();
    let limiter = limiter(&redis, "api", [Quota::per_hour(2)]);
    let failed = |head: Option<&http::response::Parts>| head.is_some_and(|head| head.status == 500);
    let layer = RateLimitLayer::new(limiter, |_: &RequestHead<'_>| None).refund_if(failed);
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let status = if request.uri().path() == "/bad" { 500 } else { 200 };
        http::Response::builder().status(status).body(String::new())
    }));
    let ask = async |path: &str| {
        let response = service.clone().oneshot(Request::get(path).body(()).unwrap()).await.unwrap();
        let told = response.headers().get("ratelimit").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), told)
    };
    for path in ["/bad", "/bad", "/bad"] {
        assert_eq!(ask(path).await, (500, Some("\"hour\";r=1;t=1800".to_owned())));
    }
    assert_eq!((ask("/").await.0, ask("/").await.0, ask("/").await.0), (200, 200, 429));
}

#[test]
fn settings_that_cannot_work_are_refused_and_show_no_password() {
    let quotas = || [Quota::per_day(1)];
    let build = |url: &str, name: &str| RedisLimiterOptions::new().build(url, name, quotas());
    for url in ["", "http://x", "redis://:secret@", "redis://:secret@host:x"] {
        if let Err(error) = build(url, "api") {
            assert!(!error.to_string().contains("secret"), "{error}");
        } else {
            panic!("{url:?} was taken");
        }
    }
    for name in ["", "a b", "a{b", "a}b", "é", &"x".repeat(129)] {
        assert!(build("redis://127.0.0.1:1", name).is_err(), "{name:?}");
    }
    let options = RedisLimiterOptions::new;
    assert!(options().max_in_flight(0).build("redis://127.0.0.1:1", "a", quotas()).is_err());
    assert!(options().response_timeout(Duration::ZERO).build("redis://127.0.0.1:1", "a", quotas()).is_err());
    assert!(!format!("{:?}", build("redis://:secret@127.0.0.1:1", "a").unwrap()).contains("secret"));
}
