//! Three replicas in processes of their own, at one limit.

use std::process::{Command, Stdio};
use std::time::Duration;

use integridai_tower::rate_limit::redis::RedisLimiterOptions;
use integridai_tower::rate_limit::{Key, Quota};

use crate::support::redis::Redis;

/// Set for a process that is a replica: where Redis is, and how many requests it has.
const REPLICA: &str = "RATE_LIMIT_REPLICA";

const LIMIT: u32 = 1000;

fn quota() -> Quota {
    Quota::per_minute(LIMIT)
}

/// Not a test of its own: what the processes below run, which find nothing to do elsewhere.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a process of this test's own is told its part by its environment"
)]
fn replica() {
    let Ok(role) = std::env::var(REPLICA) else { return };
    let (url, requests) = role.split_once(' ').unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let admitted = runtime.block_on(ask(url, requests.parse().unwrap()));
    println!("admitted={admitted}");
}

async fn ask(url: &str, requests: usize) -> usize {
    let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(30));
    let limiter = options.build(url, "replicas", [quota()]).unwrap();
    let key = Key::from("everybody");
    let mut admitted = 0;
    for _ in 0..requests / 50 {
        let verdicts = futures_util::future::join_all((0..50).map(|_| limiter.check(&key))).await;
        admitted += verdicts.iter().filter(|verdict| verdict.is_admitted()).count();
    }
    assert_eq!(limiter.status().outages, 0);
    admitted
}

fn start(url: &str, requests: usize) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["replicas::replica", "--exact", "--nocapture"]);
    command.env(REPLICA, format!("{url} {requests}")).stdout(Stdio::piped()).spawn().unwrap()
}

fn admitted(child: std::process::Child) -> u128 {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let number = text.lines().find_map(|line| line.split_once("admitted=")).unwrap().1;
    number.trim().parse().unwrap()
}

/// Microseconds since 1970, as Redis has them.
fn time(redis: &Redis) -> u128 {
    let answer = redis.ask("TIME", "+OK").unwrap();
    let mut numbers = answer.lines().filter_map(|line| line.parse::<u128>().ok());
    numbers.next().unwrap() * 1_000_000 + numbers.next().unwrap()
}

#[test]
fn fifty_thousand_requests_of_three_processes_get_the_limit_and_what_comes_back() {
    let redis = Redis::start();
    let before = time(&redis);
    let replicas: Vec<_> = (0..3).map(|_| start(&redis.url(), 16_700)).collect();
    let admitted: u128 = replicas.into_iter().map(admitted).sum();
    let took = time(&redis) - before;
    // One comes back every 60 ms, from the moment of the first request on.
    let most = u128::from(LIMIT) + took / 60_000 + 1;
    println!("{admitted} of 50 100 were admitted within {} ms; {most} at most", took / 1000);
    assert!(admitted <= most, "{admitted} were admitted, {most} at most");
    assert!(admitted >= u128::from(LIMIT), "{admitted} were admitted, {LIMIT} at least");
    // All three ended with refusals, so that nothing was left over but what came back at the very end.
    let slack = most - admitted;
    assert!(slack <= most / 20 + 10, "{slack} were not admitted");
}
