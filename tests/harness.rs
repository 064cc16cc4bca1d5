//! Proves what the other tests stand on: the readiness probe sees what it promises to see, and the private servers
//! come up, stay apart, and leave nothing behind.

mod support;

use std::convert::Infallible;
use std::fs;
use std::future::{pending, ready};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use support::postgres::Postgres;
use support::probe::Probe;
use support::program::program;
use support::redis::Redis;
use support::server::{is_running, reap_orphans, wait_until};
use tower::{Service, ServiceExt};

async fn answer(request: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(request.into_body()))
}

fn request() -> Request<String> {
    Request::new("hello".to_owned())
}

#[tokio::test]
async fn a_probe_that_was_polled_ready_answers() {
    let mut probe = Probe::new(answer);
    let watch = probe.watch();
    let response = probe.ready().await.unwrap().call(request()).await.unwrap();
    assert_eq!(response.body(), "hello");
    assert_eq!((watch.polls(), watch.calls(), watch.finished(), watch.cancelled()), (1, 1, 1, 0));
    assert_eq!((watch.clones(), watch.wakes(), watch.in_flight()), (0, 0, 0));
}

#[test]
#[should_panic(expected = "not polled ready")]
fn a_probe_that_was_not_polled_panics() {
    drop(Probe::new(answer).call(request()));
}

#[tokio::test]
#[should_panic(expected = "not polled ready")]
async fn a_call_uses_readiness_up() {
    let mut probe = Probe::new(answer);
    drop(probe.ready().await.unwrap().call(request()));
    drop(probe.call(request()));
}

#[tokio::test]
#[should_panic(expected = "not polled ready")]
async fn a_clone_of_a_ready_probe_is_not_ready() {
    let mut probe = Probe::new(answer);
    probe.ready().await.unwrap();
    drop(probe.clone().call(request()));
}

#[tokio::test]
async fn a_pending_probe_wakes_its_task_each_time() {
    let mut probe = Probe::new(answer).pending(3);
    let watch = probe.watch();
    probe.ready().await.unwrap().call(request()).await.unwrap();
    assert_eq!((watch.polls(), watch.wakes()), (4, 3));
    probe.clone().ready().await.unwrap();
    assert_eq!((watch.clones(), watch.polls(), watch.wakes()), (1, 8, 6), "a clone waits anew");
}

#[tokio::test]
async fn a_held_probe_is_ready_when_released() {
    let mut probe = Probe::new(answer).held();
    let watch = probe.watch();
    let waiting = tokio::spawn(async move { probe.ready().await.unwrap().call(request()).await });
    let polled = async {
        while watch.polls() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polled).await.unwrap();
    assert_eq!((watch.wakes(), watch.calls()), (0, 0));
    watch.release();
    waiting.await.unwrap().unwrap();
    assert_eq!((watch.polls(), watch.wakes(), watch.calls()), (2, 1, 1));
}

#[tokio::test]
async fn a_probe_may_refuse_or_fail() {
    let fails = |_: Request<String>| ready(Err::<Response<String>, _>("failed"));
    let mut refusing = Probe::new(fails).refusing(|| "refused");
    assert_eq!(refusing.ready().await.unwrap_err(), "refused");
    assert_eq!(refusing.watch().calls(), 0);

    let mut failing = Probe::new(fails);
    assert_eq!(failing.ready().await.unwrap().call(request()).await.unwrap_err(), "failed");
    assert_eq!(failing.watch().finished(), 1);
}

#[test]
fn a_dropped_answer_counts_as_cancelled() {
    let mut probe = Probe::new(|_: Request<String>| pending::<Result<Response<String>, Infallible>>());
    let watch = probe.watch();
    let mut context = Context::from_waker(Waker::noop());
    assert!(probe.poll_ready(&mut context).is_ready());
    {
        let mut future = pin!(probe.call(request()));
        assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending));
        assert_eq!((watch.in_flight(), watch.cancelled()), (1, 0));
    }
    assert_eq!((watch.in_flight(), watch.cancelled(), watch.finished()), (0, 1, 0));
}

#[test]
fn a_private_redis_answers_and_is_gone_after_drop() {
    let redis = Redis::start();
    assert!(redis.ask("PING", "+PONG").is_ok());
    let (pid, folder) = (redis.server().pid(), redis.server().folder().to_owned());
    let mark = format!("127.0.0.1:{}", redis.server().port());
    assert!(is_running(pid, &mark) && folder.is_dir());
    drop(redis);
    assert_gone(pid, &mark, &folder);
}

#[test]
fn a_private_postgresql_answers_and_is_gone_after_drop() {
    let postgres = Postgres::start();
    assert_eq!(postgres.query("postgres", "SELECT 1"), "1");
    let (pid, folder) = (postgres.server().pid(), postgres.server().folder().to_owned());
    let mark = folder.join("data").display().to_string();
    assert!(is_running(pid, &mark));
    drop(postgres);
    assert_gone(pid, &mark, &folder);
}

#[test]
fn servers_at_the_same_time_stay_apart() {
    let [one, other] = [Redis::start(), Redis::start()];
    assert_ne!(one.url(), other.url());
    one.ask("SET key one", "+OK").unwrap();
    assert!(other.ask("EXISTS key", ":0").is_ok() && one.ask("EXISTS key", ":1").is_ok());

    let [one, other] = [Postgres::start(), Postgres::start()];
    one.create_database("events");
    let count = "SELECT count(*) FROM pg_database WHERE datname = 'events'";
    assert_eq!((one.query("postgres", count), other.query("postgres", count)), ("1".into(), "0".into()));
    assert_eq!(one.query("events", "SELECT current_database()"), "events");
}

#[test]
fn the_server_of_a_killed_run_is_ended_by_the_next() {
    let mut redis = Redis::start();
    let mark = format!("127.0.0.1:{}", redis.server().port());
    let (pid, folder) = (redis.server().pid(), redis.server().folder().to_owned());
    reap_orphans();
    assert!(is_running(pid, &mark), "a server whose run lives is left alone");
    redis.server_mut().disown();
    reap_orphans();
    // Another run of these tests may have reaped it first; either way it ends.
    assert!(wait_until(Duration::from_secs(20), || !folder.exists()));
    assert_gone(pid, &mark, &folder);
}

#[test]
fn a_stranger_under_a_recorded_id_lives_on() {
    let own = std::process::id();
    let record = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("servers").join(format!("{own}.server"));
    let kept = tempfile::tempdir().unwrap();
    fs::create_dir_all(record.parent().unwrap()).unwrap();
    fs::write(&record, format!("{}\n{own}\nno-such-command-line\n", kept.path().display())).unwrap();
    reap_orphans();
    assert!(wait_until(Duration::from_secs(20), || !record.exists()));
    assert!(kept.path().is_dir(), "a folder that is not a server's is left alone");
}

#[test]
#[should_panic(expected = "apt-get install -y --no-install-recommends redis-server")]
fn a_missing_server_fails_with_the_command_that_installs_it() {
    program("redis-server", "redis-server", &[PathBuf::from("/nowhere")]);
}

fn assert_gone(pid: u32, mark: &str, folder: &Path) {
    assert!(!is_running(pid, mark), "its process {pid} has ended");
    assert!(!folder.exists(), "its folder is removed");
}
