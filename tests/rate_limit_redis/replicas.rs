//! Three replicas in processes of their own, at one limit.

use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use integridai_tower::rate_limit::redis::{LeasedLimiter, RedisLimiterOptions};
use integridai_tower::rate_limit::{Admit, Ask, Attempt, Key, Quota};

use crate::support::redis::Redis;

/// Set for a process that is a replica: where Redis is, how it limits, and how many requests it has.
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
    let [url, how, requests] = role.split(' ').collect::<Vec<_>>()[..] else { panic!("{role}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let requests = requests.parse().unwrap();
    let admitted = runtime.block_on(async {
        let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(30));
        let limiter = options.build(url, "replicas", [quota()]).unwrap();
        if how == "each" {
            return ask(requests, &limiter).await;
        }
        let (leased, returns) = LeasedLimiter::new(limiter).unwrap();
        tokio::spawn(returns.run());
        let admitted = ask(requests, &leased).await;
        leased.return_all().await;
        admitted
    });
    println!("admitted={admitted}");
}

/// In batches of 50, one every few milliseconds: with leases, all would be over before the others have begun.
async fn ask(requests: usize, limiter: &impl Admit) -> usize {
    let key = Key::from("everybody");
    let mut admitted = 0;
    for _ in 0..requests / 50 {
        let verdicts = join_all((0..50).map(|_| async {
            match limiter.admit(&Ask::once(&key)) {
                Attempt::Decided(verdict) => verdict,
                Attempt::Waiting(verdict) => verdict.await,
            }
        }));
        admitted += verdicts.await.iter().filter(|verdict| verdict.is_admitted()).count();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    admitted
}

fn start(url: &str, how: &str, requests: usize) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["replicas::replica", "--exact", "--nocapture"]);
    command.env(REPLICA, format!("{url} {how} {requests}")).stdout(Stdio::piped()).spawn().unwrap()
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

fn three_replicas(how: &str) {
    let redis = Redis::start();
    let before = time(&redis);
    let replicas: Vec<_> = (0..3).map(|_| start(&redis.url(), how, 16_700)).collect();
    let admitted: u128 = replicas.into_iter().map(admitted).sum();
    let took = time(&redis) - before;
    // One comes back every 60 ms, from the moment of the first request on.
    let most = u128::from(LIMIT) + took / 60_000 + 1;
    println!("{how}: {admitted} of 50 100 were admitted within {} ms; {most} at most", took / 1000);
    assert!(admitted <= most, "{admitted} were admitted, {most} at most");
    assert!(admitted >= u128::from(LIMIT), "{admitted} were admitted, {LIMIT} at least");
    // All three ended with refusals, so that nothing was left over but what came back at the very end.
    let slack = most - admitted;
    assert!(slack <= most / 20 + 10, "{slack} were not admitted");
}

#[test]
fn fifty_thousand_requests_of_three_processes_get_the_limit_and_what_comes_back() {
    three_replicas("each");
}

#[test]
fn with_leases_they_get_the_same() {
    three_replicas("leased");
}
