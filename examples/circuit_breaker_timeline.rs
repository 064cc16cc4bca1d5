//! Watch a circuit open, probe and close, while a service fails for half a second: a small timeline.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use integridai_tower::BoxError;
use integridai_tower::circuit_breaker::{CircuitBreakerError, CircuitBreakerLayer, CircuitOptions, State};
use tokio::time::sleep;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let start = Instant::now();
    let circuit = CircuitOptions::new()
        .consecutive_failures(5)
        .open_for(Duration::from_millis(100))
        .jitter(0.0)
        .probes(2)
        .build("provider")?
        .on_transition(move |transition| {
            let (from, to) = (transition.from.as_str(), transition.to.as_str());
            println!("{:>6.0?}  {from} -> {to}: {}", start.elapsed(), transition.cause.as_str());
        })
        .map_err(|circuit| format!("{circuit:?} is shared already"))?;

    // A service that is asked every 10 ms and fails from 100 ms to 600 ms.
    let (is_down, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let provider = {
        let (is_down, calls) = (Arc::clone(&is_down), Arc::clone(&calls));
        service_fn(move |_: Request<()>| {
            calls.fetch_add(1, Ordering::Relaxed);
            let status = if is_down.load(Ordering::Relaxed) { 503 } else { 200 };
            std::future::ready(Response::builder().status(status).body(()))
        })
    };
    let mut client = ServiceBuilder::new().layer(CircuitBreakerLayer::new(circuit.clone())).service(provider);

    let (mut answered, mut failed, mut spared) = (0, 0, 0);
    for step in 0..120 {
        is_down.store((10..60).contains(&step), Ordering::Relaxed);
        match client.ready().await?.call(Request::new(())).await {
            Ok(response) if response.status() == StatusCode::OK => answered += 1,
            Ok(_) => failed += 1,
            Err(CircuitBreakerError::Open(_)) => spared += 1,
            Err(error) => return Err(error.into()),
        }
        sleep(Duration::from_millis(10)).await;
    }
    println!("{answered} answered, {failed} failed, {spared} were not sent to a service that was down");
    println!("{:?}", circuit.snapshot().counts);

    assert_eq!(answered + failed, calls.load(Ordering::Relaxed));
    assert!(failed < 12 && spared > 30, "{failed} failed and {spared} were spared");
    assert_eq!(circuit.state(), State::Closed);
    Ok(())
}
