//! The observe layer over a probe: readiness is the inner service's, and a dropped exchange is over inside too.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt;
use http::Request;
use http_body_util::{BodyExt, Full};
use integridai_tower::observe::{CountedBody, Exchange, ObserveLayer, Outcome};
use tower::{Layer, Service, ServiceExt};

use crate::endpoint::{Answer, answer};
use crate::support::probe::Probe;

type Asked = Request<CountedBody<Full<Bytes>>>;

#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<Exchange>>>);

impl Records {
    fn layer(&self) -> ObserveLayer<impl Fn(&Exchange) + use<>> {
        let records = self.clone();
        ObserveLayer::new(move |exchange: &Exchange| records.0.lock().unwrap().push(exchange.clone()))
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.0.lock().unwrap().iter().map(|exchange| exchange.outcome).collect()
    }
}

async fn hello(_: Asked) -> Result<Answer, Infallible> {
    Ok(answer(200, "hello"))
}

fn request() -> Request<Full<Bytes>> {
    Request::new(Full::default())
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called_and_never_cloned() {
    let records = Records::default();
    let probe = Probe::new(hello).pending(2);
    let watch = probe.watch();
    let mut service = records.layer().layer(probe);
    for number in 1..=3 {
        let response = service.ready().await.unwrap().call(request()).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
        assert_eq!((watch.calls(), watch.polls()), (number, 3 * number));
    }
    assert_eq!((watch.clones(), watch.finished()), (0, 3));
    assert_eq!(records.outcomes(), [Outcome::Completed; 3]);
}

#[tokio::test]
async fn a_clone_waits_for_readiness_of_its_own() {
    let records = Records::default();
    let probe = Probe::new(hello).held();
    let watch = probe.watch();
    let mut service = records.layer().layer(probe);
    let mut clone = service.clone();
    assert!(service.ready().now_or_never().is_none() && clone.ready().now_or_never().is_none());
    watch.release();
    drop(clone.ready().await.unwrap().call(request()).await.unwrap());
    assert_eq!((watch.clones(), watch.calls()), (1, 1));
}

#[tokio::test]
async fn an_inner_service_that_cannot_become_ready_is_no_exchange() {
    let records = Records::default();
    let probe = Probe::new(async |_: Asked| Ok::<Answer, _>(answer(200, ""))).refusing(|| "broken");
    let mut service = records.layer().layer(probe);
    assert_eq!(service.ready().await.err().unwrap(), "broken");
    assert!(records.outcomes().is_empty());
}

#[tokio::test]
async fn a_dropped_exchange_is_dropped_inside_and_recorded_once() {
    let records = Records::default();
    let probe = Probe::new(async |_: Asked| pending::<Result<Answer, Infallible>>().await);
    let watch = probe.watch();
    let mut service = records.layer().layer(probe);
    let mut exchange = Box::pin(service.ready().await.unwrap().call(request()));
    assert!((&mut exchange).now_or_never().is_none());
    assert_eq!((watch.in_flight(), records.outcomes().len()), (1, 0));
    drop(exchange);
    assert_eq!((watch.in_flight(), watch.cancelled()), (0, 1));
    assert_eq!(records.outcomes(), [Outcome::ClientLeft]);
}

#[tokio::test]
async fn a_future_that_was_never_polled_is_recorded_too() {
    let records = Records::default();
    let probe = Probe::new(hello);
    let watch = probe.watch();
    let mut service = records.layer().layer(probe);
    drop(service.ready().await.unwrap().call(request()));
    assert_eq!((watch.calls(), watch.cancelled()), (1, 1));
    assert_eq!(records.outcomes(), [Outcome::ClientLeft]);
}

#[tokio::test]
async fn an_error_of_the_inner_service_passes_and_is_its_failure() {
    let records = Records::default();
    let probe = Probe::new(async |_: Asked| Err::<Answer, _>("broken"));
    let error = records.layer().layer(probe).oneshot(request()).await.err().unwrap();
    assert_eq!((error, records.outcomes()), ("broken", vec![Outcome::ServiceFailed]));
}
