//! What a fan-out costs beside the same by hand, in memory: three ready services under `futures::join!` with a timeout each; the
//! same with their answers read and merged; and many branches that are woken one after the other. Ratios come first: medians of
//! short turns that both sides take, which other work on the machine does not move.
#![allow(missing_docs, clippy::print_stdout, reason = "criterion's macros, and lines of figures")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::future::join_all;
use futures_util::join;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use integridai_tower::fan_out::{Branch, FanOut, FanOutOptions, Gathered, JsonMerge, Route, gather};
use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tower::{Service, ServiceExt, service_fn};

const TIMEOUT: Duration = Duration::from_secs(1);
const MANY: usize = 256;

type Whole = Request<Full<Bytes>>;
type Answer = Result<Response<Full<Bytes>>, Infallible>;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn respond(_: Whole) -> Ready<Answer> {
    ready(Ok(Response::new(Full::from(r#"{"users":1250,"score":74.2}"#))))
}

fn request() -> Whole {
    Request::new(Full::default())
}

async fn joined() {
    let ask = || timeout(TIMEOUT, service_fn(respond).oneshot(request()));
    let _ = black_box(join!(ask(), ask(), ask()));
}

async fn gathered() {
    let ask = |name| Branch::required(name, service_fn(respond).oneshot(request())).timeout(TIMEOUT);
    black_box(gather((ask("training"), ask("compliance"), ask("dashboard"))).await.expect("all answer"));
}

/// Three services that are ready and answer at once.
fn three_ready(criterion: &mut Criterion) {
    let (runtime, mut group) = (runtime(), criterion.benchmark_group("fan_out/three ready services"));
    group.bench_function("join!, a timeout each", |bench| bench.to_async(&runtime).iter(joined));
    group.bench_function("gather, a timeout each", |bench| bench.to_async(&runtime).iter(gathered));
    group.finish();
}

async fn read(response: Answer) -> Option<Bytes> {
    let Ok(response) = response;
    let is_success = response.status().is_success();
    let body = Limited::new(response.into_body(), 4 << 20).collect().await.ok()?.to_bytes();
    (is_success && serde_json::from_slice::<&RawValue>(&body).is_ok()).then_some(body)
}

/// What a careful team writes: a clone of the head for each, a limit, a timeout, a check, one document.
async fn merged_by_hand(whole: Whole) -> Response<Full<Bytes>> {
    let (head, body) = whole.into_parts();
    let body = body.collect().await.expect("it is in memory").to_bytes();
    let ask = async || {
        let request = Request::from_parts(head.clone(), Full::new(body.clone()));
        let answer = timeout(TIMEOUT, async { read(service_fn(respond).oneshot(request).await).await });
        answer.await.ok().flatten()
    };
    let (training, compliance, dashboard) = join!(ask(), ask(), ask());
    let mut text = Vec::with_capacity(256);
    for (name, part) in [("training", training), ("compliance", compliance), ("dashboard", dashboard)] {
        text.extend_from_slice(if text.is_empty() { b"{" } else { b"," });
        serde_json::to_writer(&mut text, name).expect("a text");
        text.push(b':');
        text.extend_from_slice(part.as_deref().unwrap_or(b"null"));
    }
    text.push(b'}');
    let response = Response::builder().header("content-type", "application/json");
    response.body(Full::from(text)).expect("a response")
}

fn fan_out(
    is_told: bool,
) -> impl Service<Whole, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    let route = |name: &'static str| Route::required(name, service_fn(respond)).timeout(TIMEOUT);
    let options = FanOutOptions::new(JsonMerge::members()).server_timing(is_told);
    FanOut::new((route("training"), route("compliance"), route("dashboard")), options).expect("three names")
}

fn three_merged(criterion: &mut Criterion) {
    let (runtime, mut group) = (runtime(), criterion.benchmark_group("fan_out/three answers merged"));
    group.bench_function("by hand", |bench| {
        bench.to_async(&runtime).iter(async || black_box(merged_by_hand(request()).await));
    });
    for (name, is_told) in [("FanOut", true), ("FanOut, no Server-Timing", false)] {
        let fan_out = fan_out(is_told);
        group.bench_function(name, |bench| {
            bench.to_async(&runtime).iter(async || black_box(fan_out.clone().call(request()).await));
        });
    }
    group.finish();
}

/// Branches whose answers come one after the other.
fn many_woken(criterion: &mut Criterion) {
    let (runtime, mut group) = (runtime(), criterion.benchmark_group("fan_out/256 woken one by one"));
    let channels = || (0..MANY).map(|_| oneshot::channel::<usize>()).unzip::<_, _, Vec<_>, Vec<_>>();
    let send = async |senders: Vec<oneshot::Sender<usize>>| {
        for (number, sender) in senders.into_iter().enumerate() {
            sender.send(number).expect("it is received");
            tokio::task::yield_now().await;
        }
    };
    group.bench_function("join_all, a timeout each", |bench| {
        bench.to_async(&runtime).iter(async || {
            let (senders, receivers) = channels();
            let all = join_all(receivers.into_iter().map(|receiver| timeout(TIMEOUT, receiver)));
            black_box(tokio::join!(all, send(senders)).0)
        });
    });
    group.bench_function("gather, a timeout each", |bench| {
        bench.to_async(&runtime).iter(async || {
            let (senders, receivers) = channels();
            let branches =
                receivers.into_iter().map(|receiver| Branch::required("part", receiver).timeout(TIMEOUT));
            let all = gather(branches.collect::<Vec<_>>());
            let Gathered { values, .. } = tokio::join!(all, send(senders)).0.expect("all answer");
            black_box(values)
        });
    });
    group.finish();
}

const TURNS: usize = 500;
const ROUNDS: u32 = 500;

/// Nanoseconds that a round takes.
async fn turn(work: impl AsyncFn()) -> f64 {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        work().await;
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn ratios(_: &mut Criterion) {
    let (told, untold) = (fan_out(true), fan_out(false));
    let turns: Vec<[f64; 5]> = runtime().block_on(async {
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            turns.push([
                turn(joined).await,
                turn(gathered).await,
                turn(async || drop(black_box(merged_by_hand(request()).await))).await,
                turn(async || drop(black_box(told.clone().call(request()).await))).await,
                turn(async || drop(black_box(untold.clone().call(request()).await))).await,
            ]);
        }
        turns
    });
    let sides = [("gather", 1, 0), ("FanOut", 3, 2), ("FanOut, no Server-Timing", 4, 2)];
    for (name, ours, by_hand) in sides {
        let [own, other] = [ours, by_hand].map(|side| median(turns.iter().map(|turn| turn[side])));
        let ratio = median(turns.iter().map(|turn| turn[ours] / turn[by_hand]));
        println!("ratio: {name} {own:.0} ns, by hand {other:.0} ns: {ratio:.2}");
    }
}

criterion_group!(benches, ratios, three_ready, three_merged, many_woken);
criterion_main!(benches);
