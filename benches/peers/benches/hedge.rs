//! What it costs to stand by with a second attempt, over a service that is always ready, so that none is made. First the ratios,
//! each of medians of rounds in which all take turns; then criterion's groups.
//!
//! Ours and tower's find their delay from the times of the calls; that of `tower-resilience-hedge` is as it was configured. Each
//! call is made by the same instance, with a request of three fields.
//!
//! `-- once CASE CONTENDER ROUNDS` runs one of them alone, for callgrind; `-- ratios` prints the ratios alone.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "rate_limit/turns.rs"]
mod turns;

use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use integridai_tower::client::hedge::HedgeLayer;
use std::future::{Ready, ready};
use tokio::runtime::{Builder, Runtime};
use tower::hedge::Hedge;
use tower::{Layer, Service, ServiceExt};

use turns::{Case, Contender};

type Asked = Request<Full<Bytes>>;

/// As `tower-resilience-hedge` asks for: an error that can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
#[error("it never fails")]
struct Failed;

#[derive(Clone)]
struct Nothing;

impl Service<Asked> for Nothing {
    type Response = Response<()>;
    type Error = Failed;
    type Future = Ready<Result<Response<()>, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Asked) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(())))
    }
}

#[derive(Clone)]
struct Always;

impl tower::hedge::Policy<Asked> for Always {
    fn clone_request(&self, request: &Asked) -> Option<Asked> {
        Some(request.clone())
    }

    fn can_retry(&self, _: &Asked) -> bool {
        true
    }
}

fn asking() -> Asked {
    let mut request = Request::new(Full::new(Bytes::from_static(b"question")));
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer token"));
    headers.insert(USER_AGENT, HeaderValue::from_static("bench"));
    request
}

fn contender<S>(name: &'static str, runtime: &Arc<Runtime>, make: impl Fn() -> S + 'static) -> Contender
where
    S: Service<Asked, Response = Response<()>> + 'static,
{
    let runtime = Arc::clone(runtime);
    let run = move |rounds| {
        let mut service = make();
        runtime.block_on(async {
            let began = Instant::now();
            for _ in 0..rounds {
                let service = service.ready().await.ok().expect("it is always ready");
                black_box(service.call(asking()).await.ok().expect("it always answers"));
            }
            began.elapsed()
        })
    };
    Contender { name, run: Box::new(run) }
}

fn hedges() -> Vec<Contender> {
    let minute = Duration::from_secs(60);
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let runtime = Arc::new(runtime);
    let ours = HedgeLayer::default();
    let theirs = tower_resilience_hedge::HedgeLayer::standard();
    vec![
        contender("ours", &runtime, move || ours.layer(Nothing)),
        contender("tower-resilience-hedge", &runtime, move || theirs.layer(Nothing)),
        contender("tower", &runtime, move || Hedge::new(Nothing, Always, 20, 0.95, minute)),
        contender("nothing", &runtime, || Nothing),
    ]
}

fn main() {
    turns::run(&[Case {
        name: "hedge, none needed".to_owned(),
        rounds: 2000,
        peer: "tower",
        floor: Some("nothing"),
        make: Box::new(hedges),
    }]);
}
