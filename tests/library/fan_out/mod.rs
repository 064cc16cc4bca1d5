//! Fan-outs: futures that are gathered, services over services, and requests that are split.

mod contract;
mod gathering;
mod json;
mod limits;
mod model;
mod passing_on;
mod polling;
mod serving;
mod splitting;
mod telling;

use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use integridai_tower::fan_out::{Branch, BranchError, GatherError, Policy, gather};
use integridai_tower::{BranchEnd, BranchOutcomes};
use serde_json::Value;
use tokio::time::sleep;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Gives its value after a time, unless that is odd: then it fails.
async fn after(milliseconds: u64) -> Result<u64, String> {
    sleep(ms(milliseconds)).await;
    if milliseconds.is_multiple_of(2) { Ok(milliseconds) } else { Err(format!("{milliseconds} is odd")) }
}

/// How each branch ended, by its name.
fn ends(outcomes: &BranchOutcomes) -> Vec<(String, &'static str)> {
    outcomes.iter().map(|branch| (branch.name.to_string(), branch.end.as_str())).collect()
}

/// Only how they ended.
fn words(outcomes: &BranchOutcomes) -> Vec<&'static str> {
    outcomes.iter().map(|branch| branch.end.as_str()).collect()
}

/// Counts how often something is dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn guard(&self) -> DropGuard {
        DropGuard(self.clone())
    }
}

struct DropGuard(Drops);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

type Whole = Request<Full<Bytes>>;

fn asking(path: &str) -> Whole {
    Request::get(path).body(Full::default()).unwrap()
}

fn response(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body.into())).unwrap()
}

/// A service that answers every request with this.
fn answering(
    status: u16,
    body: &'static str,
) -> impl tower::Service<Whole, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send> + Clone + Send
{
    tower::service_fn(move |_: Whole| ready(Ok(response(status, body))))
}

/// A service that answers never.
fn hanging() -> impl tower::Service<Whole, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    tower::service_fn(|_: Whole| pending())
}

/// A service that fails.
fn broken() -> impl tower::Service<Whole, Response = Response<Full<Bytes>>, Error = std::io::Error> + Clone {
    tower::service_fn(|_: Whole| ready(Err(std::io::Error::other("10.0.0.7 refused the secret"))))
}

async fn text(response: Response<Full<Bytes>>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn json(response: Response<Full<Bytes>>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

fn header<'a, B>(response: &'a Response<B>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
