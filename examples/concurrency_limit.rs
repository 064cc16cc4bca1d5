//! A service that can do eight things at once, and clients that want a hundred: the limit finds what it can bear, urgent calls
//! come first, and the rest is told at once.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Request, Response};
use integridai_tower::client::limit::{Cause, ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::{BoxError, Priority};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

/// What the service does at once; what else it takes on waits inside of it, and all get slower.
const CAPACITY: usize = 8;
const TIME: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let limit = LimitOptions::adaptive()
        .initial(40)
        .window(Duration::from_millis(50), 10)
        .max_queued(20)
        .max_wait(Duration::from_millis(100))
        .build("engine")?;
    let service = ConcurrencyLimitLayer::new(limit.clone()).layer(engine());

    let served = Arc::new([AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0)]);
    let mut clients = JoinSet::new();
    for number in 0..100 {
        let priority = Priority::ALL[number % 3];
        clients.spawn(client(service.clone(), priority, Arc::clone(&served)));
    }
    let start = Instant::now();
    while start.elapsed() < TIME {
        sleep(TIME / 10).await;
        let now = limit.snapshot();
        println!(
            "{:>4} ms: limit {:>2}, in flight {:>2}, queued {:>2}, a call takes {:.0?}",
            start.elapsed().as_millis(),
            now.limit,
            now.in_flight,
            now.queued,
            now.usual_time
        );
    }
    clients.shutdown().await;

    let [low, normal, high] = [0, 1, 2].map(|priority| served[priority].load(Ordering::Relaxed));
    let end = limit.snapshot();
    println!("served: {high} of high priority, {normal} normal, {low} low");
    println!("shed: {} full, {} displaced", end.shed_for(Cause::QueueFull), end.shed_for(Cause::Displaced));
    assert!(high > low && end.shed > 0 && end.limit < 30);
    assert_eq!((end.in_flight, end.queued), (0, 0));
    Ok(())
}

fn engine() -> impl Service<Request<()>, Response = Response<()>, Error = Infallible, Future: Send> + Clone {
    let workers = Arc::new(Semaphore::new(CAPACITY));
    service_fn(move |_: Request<()>| {
        let workers = Arc::clone(&workers);
        async move {
            let _worker = workers.acquire().await;
            sleep(Duration::from_millis(10)).await;
            Ok(Response::new(()))
        }
    })
}

/// Asks without end, and stays away for a while when it is refused.
async fn client<S>(service: S, priority: Priority, served: Arc<[AtomicU32; 3]>)
where
    S: Service<Request<()>> + Clone,
{
    loop {
        let mut request = Request::new(());
        request.extensions_mut().insert(priority);
        match service.clone().oneshot(request).await {
            Ok(_) => drop(served[priority as usize].fetch_add(1, Ordering::Relaxed)),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}
