//! A replica in a process of its own, told what to do line by line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use integridai_tower::rate_limit::redis::{LeasedLimiter, Outage, RedisLimiter, RedisLimiterOptions};
use integridai_tower::rate_limit::{Admit, Ask, Attempt, Key, Outcome, Quota, Verdict};
use tokio::io::AsyncBufReadExt;

use crate::until::until;

/// Set for a process that is a replica: where Redis is, how it limits, and what it does without Redis.
const REPLICA: &str = "RATE_LIMIT_REPLICA";

pub(crate) const LIMIT: u32 = 1000;
pub(crate) const REPLICAS: u32 = 3;

/// All requests have this one.
pub(crate) fn everybody() -> Key {
    Key::from("everybody")
}

pub(crate) fn limiter(url: &str, outage: Outage) -> RedisLimiter {
    let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(30)).on_outage(outage);
    options.build(url, "replicas", [Quota::per_minute(LIMIT)]).unwrap()
}

/// What became of requests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) admitted: u32,
    pub(crate) over_quota: u32,
    pub(crate) unavailable: u32,
    /// Of all of these, those that were decided without Redis.
    pub(crate) without_redis: u32,
    pub(crate) milliseconds: u32,
}

impl Counted {
    fn add(&mut self, verdict: &Verdict) {
        *match verdict.outcome() {
            Outcome::Admitted { .. } => &mut self.admitted,
            Outcome::Unavailable => &mut self.unavailable,
            _ => &mut self.over_quota,
        } += 1;
        self.without_redis += u32::from(verdict.is_without_store());
    }

    fn line(self) -> String {
        let Self { admitted, over_quota, unavailable, without_redis, milliseconds } = self;
        format!("{admitted} {over_quota} {unavailable} {without_redis} {milliseconds}")
    }

    fn of(line: &str) -> Self {
        let numbers: Vec<u32> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let [admitted, over_quota, unavailable, without_redis, milliseconds] = numbers[..] else {
            panic!("{line}")
        };
        Self { admitted, over_quota, unavailable, without_redis, milliseconds }
    }
}

/// What a replica is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// So many requests, fifty at once.
    Ask(u32),
    /// Requests until Redis no longer has a say in them; that last one is counted as well.
    AskUntilWithoutRedis,
    /// To find out that Redis is back.
    AwaitRedis,
    /// To give back what it holds.
    Return,
}

/// A process.
pub(crate) struct Replica {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Replica {
    pub(crate) fn start(url: &str, how: &str, outage: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["replica::replica", "--exact", "--nocapture"]);
        command.env(REPLICA, format!("{url} {how} {outage}")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (orders, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, orders, answers: BufReader::new(answers) }
    }

    fn tell(&mut self, order: Order) {
        let line = match order {
            Order::Ask(requests) => format!("ask {requests}\n"),
            Order::AskUntilWithoutRedis => "without\n".to_owned(),
            Order::AwaitRedis => "await\n".to_owned(),
            Order::Return => "return\n".to_owned(),
        };
        self.orders.write_all(line.as_bytes()).unwrap();
    }

    fn hear(&mut self) -> Counted {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.answers.read_line(&mut line).unwrap() > 0, "the replica has ended");
            if let Some((_, answer)) = line.trim_end().split_once("replica: ") {
                return Counted::of(answer);
            }
        }
    }

    fn end(self) {
        let Self { mut process, orders, answers } = self;
        drop(orders);
        let rest: Vec<String> = answers.lines().map(Result::unwrap).collect();
        assert!(process.wait().unwrap().success(), "{rest:?}");
    }
}

/// All replicas do it at the same time.
pub(crate) fn order(replicas: &mut [Replica], order: Order) -> Vec<Counted> {
    replicas.iter_mut().for_each(|replica| replica.tell(order));
    replicas.iter_mut().map(Replica::hear).collect()
}

pub(crate) fn end(replicas: Vec<Replica>) {
    replicas.into_iter().for_each(Replica::end);
}

/// Not a test of its own: what the processes run, which find nothing to do elsewhere.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a process of this test's own is told its part by its environment"
)]
fn replica() {
    let Ok(role) = std::env::var(REPLICA) else { return };
    let [url, how, outage] = role.split(' ').collect::<Vec<_>>()[..] else { panic!("{role}") };
    let outage = match outage {
        "refuse" => Outage::Refuse,
        "admit" => Outage::Admit,
        _ => Outage::Local { replicas: REPLICAS },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let limiter = limiter(url, outage);
        if how == "each" {
            return obey(&limiter, &limiter, async || {}).await;
        }
        let (leased, returns) = LeasedLimiter::new(limiter.clone()).unwrap();
        tokio::spawn(returns.run());
        obey(&leased, &limiter, async || leased.return_all().await).await;
    });
}

async fn obey(limiter: &impl Admit, shared: &RedisLimiter, give_back: impl AsyncFn()) {
    let mut orders = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await.unwrap() {
        let start = Instant::now();
        let mut counted = Counted::default();
        match order.split_once(' ') {
            Some((_, requests)) => ask(limiter, requests.parse().unwrap(), &mut counted).await,
            None if order == "without" => ask_until_without_redis(limiter, &mut counted).await,
            None if order == "await" => {
                let is_back = async || !shared.inspect(&Key::from("other")).await.is_without_store();
                assert!(until(is_back).await, "{:?}", shared.status());
            }
            None => give_back().await,
        }
        counted.milliseconds = start.elapsed().as_millis() as u32;
        println!("replica: {}", counted.line());
    }
}

async fn decide(limiter: &impl Admit) -> Verdict {
    match limiter.admit(&Ask::once(&everybody())) {
        Attempt::Decided(verdict) => verdict,
        Attempt::Waiting(verdict) => verdict.await,
    }
}

async fn ask(limiter: &impl Admit, requests: u32, counted: &mut Counted) {
    for _ in 0..requests / 50 {
        let verdicts = join_all((0..50).map(|_| decide(limiter))).await;
        verdicts.iter().for_each(|verdict| counted.add(verdict));
    }
}

/// With leases, what is held is used up first, and a refusal is believed for its time.
async fn ask_until_without_redis(limiter: &impl Admit, counted: &mut Counted) {
    let is_gone = async || {
        let verdict = decide(limiter).await;
        counted.add(&verdict);
        verdict.is_without_store()
    };
    assert!(until(is_gone).await, "{counted:?}");
}
