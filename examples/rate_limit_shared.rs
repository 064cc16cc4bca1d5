//! One limit for two processes, kept in Redis: together they get what one of them would.
//!
//! It starts a `redis-server` of its own and ends it; `REDIS_URL` names another one.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example shows what it does"
)]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use integridai_tower::rate_limit::redis::{LeasedLimiter, RedisLimiter, RedisLimiterOptions};
use integridai_tower::rate_limit::{Key, Quota};
use integridai_tower::{BoxError, ConfigError};
use tokio::sync::oneshot;

const ROLE: &str = "RATE_LIMIT_EXAMPLE_REDIS";

struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn redis() -> Result<(Option<Redis>, String), BoxError> {
    if let Ok(url) = std::env::var("REDIS_URL") {
        return Ok((None, url));
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let arguments = ["--bind", "127.0.0.1", "--save", "", "--port", &port];
    let server = Command::new("redis-server").args(arguments).stdout(Stdio::null()).spawn();
    let server = server.map_err(|error| format!("{error}: install redis-server, or set REDIS_URL"))?;
    Ok((Some(Redis(server)), format!("redis://127.0.0.1:{port}")))
}

fn limiter(url: &str) -> Result<RedisLimiter, ConfigError> {
    let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(5));
    options.build(url, "example", [Quota::per_day(1000)])
}

/// What each process does: 2000 requests of one tenant.
async fn replica(url: &str) -> Result<usize, BoxError> {
    let (limiter, return_leases) = LeasedLimiter::new(limiter(url)?)?;
    let (served, end) = oneshot::channel::<()>();
    let returning = tokio::spawn(return_leases.run_until(async { drop(end.await) }));
    let (tenant, mut admitted) = (Key::from("acme"), 0);
    for _ in 0..2000 {
        admitted += usize::from(limiter.check(&tenant).await.is_admitted());
    }
    // The other process gets what this one holds and does not need.
    drop(served);
    returning.await?;
    Ok(admitted)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    if let Ok(url) = std::env::var(ROLE) {
        println!("{}", replica(&url).await?);
        return Ok(());
    }
    let (_server, url) = redis()?;
    let limiter = limiter(&url)?;
    while !limiter.reset(&Key::from("acme")).await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let start = || Command::new(std::env::current_exe()?).env(ROLE, &url).stdout(Stdio::piped()).spawn();
    let mut total = 0;
    for child in [start()?, start()?] {
        let admitted: u32 = String::from_utf8(child.wait_with_output()?.stdout)?.trim().parse()?;
        total += admitted;
        println!("one process was admitted {admitted} times");
    }
    let left = limiter.inspect(&Key::from("acme")).await.standing().ok_or("no standing")?.remaining;
    println!("{total} of 4000 requests were admitted, {left} of 1000 are left");
    assert_eq!(total + left, 1000);
    Ok(())
}
