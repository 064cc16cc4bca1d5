//! The adaptive limit before a service that can do so much and no more, in paused time.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;

/// Does so many requests at once in 10 ms each; the others wait inside of it.
fn server(
    capacity: usize,
) -> impl Service<Request<()>, Response = Answer, Error = Infallible, Future: Send> + Clone {
    let room = Arc::new(Semaphore::new(capacity));
    service_fn(move |_: Request<()>| {
        let room = Arc::clone(&room);
        async move {
            let _place = room.acquire().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(answer(200, ""))
        }
    })
}

/// Asks without end, so many at once, for as long as told.
async fn load<S>(service: &S, at_once: usize, time: Duration)
where
    S: Service<Request<()>, Response = Answer, Error = OverloadedError<Infallible>, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let mut clients = JoinSet::new();
    for _ in 0..at_once {
        let service = service.clone();
        clients.spawn(async move {
            loop {
                // A client that is refused thinks before it asks again.
                if service.clone().oneshot(request()).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        });
    }
    tokio::time::sleep(time).await;
    clients.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_held_to_what_the_service_can_do() {
    const CAPACITY: u32 = 20;
    let options = LimitOptions::adaptive().window(Duration::from_millis(100), 10).max_queued(10);
    let limit = options.max_wait(Duration::from_millis(50)).build("library").unwrap();
    let service = ConcurrencyLimitLayer::new(limit.clone()).layer(server(CAPACITY as usize));
    load(&service, 10, Duration::from_secs(5)).await;
    assert_eq!(limit.snapshot().shed, 0, "nobody is refused who fits");
    load(&service, 150, Duration::from_secs(20)).await;
    let snapshot = limit.snapshot();
    assert!((CAPACITY..=CAPACITY * 3).contains(&snapshot.limit), "{snapshot:?}");
    assert!(snapshot.usual_time < Duration::from_millis(35), "{snapshot:?}");
    assert!(snapshot.shed > 1000, "{snapshot:?}");
    assert_eq!((snapshot.in_flight, snapshot.queued), (0, 0), "what was given up is returned");
}

#[tokio::test(start_paused = true)]
async fn a_flood_from_the_first_call_on_is_not_taken_for_normal() {
    const CAPACITY: u32 = 5;
    let options = LimitOptions::adaptive().initial(100).window(Duration::from_millis(50), 10);
    let settled = async |options: LimitOptions| {
        let limit = options.max_queued(10).build("library").unwrap();
        let service = ConcurrencyLimitLayer::new(limit.clone()).layer(server(CAPACITY as usize));
        load(&service, 150, Duration::from_secs(20)).await;
        limit.snapshot().limit
    };
    let (with, without) = (settled(options.clone()).await, settled(options.probe_after(0)).await);
    assert!(with <= CAPACITY * 4 && without >= 100, "with probes {with}, without {without}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_runs_out_of_time_is_asked_less_and_more_again_when_it_is_well() {
    let limit = LimitOptions::adaptive().window(Duration::from_millis(100), 5).build("library").unwrap();
    let hanging = service_fn(async |_: Request<()>| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(answer(504, ""))
    });
    load(&ConcurrencyLimitLayer::new(limit.clone()).layer(hanging), 30, Duration::from_secs(2)).await;
    assert_eq!(limit.snapshot().limit, 1);
    load(&ConcurrencyLimitLayer::new(limit.clone()).layer(server(100)), 30, Duration::from_secs(10)).await;
    assert!(limit.snapshot().limit >= 30, "{:?}", limit.snapshot());
}
