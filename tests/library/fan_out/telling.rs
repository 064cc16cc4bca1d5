//! What clients, logs and metrics are told of branches.

use std::io;
use std::sync::Mutex;

use integridai_tower::fan_out::{FanOut, FanOutOptions, JsonMerge, Route};
use integridai_tower::metrics::{BranchTimes, CountRefusalsLayer};
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::{Layer, ServiceExt, service_fn};
use tracing::subscriber::set_default;
use tracing_subscriber::fmt::format::FmtSpan;

use super::*;

fn fan_out(
    options: FanOutOptions,
) -> impl tower::Service<Whole, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    let slow = service_fn(|_: Whole| async {
        sleep(ms(12)).await;
        Ok::<_, Infallible>(response(200, "1"))
    });
    let routes = (
        Route::required("orders", slow),
        Route::optional("ads", hanging()).timeout(ms(30)),
        Route::optional("stock", answering(503, "")),
    );
    FanOut::new(routes, options).unwrap()
}

fn options() -> FanOutOptions {
    FanOutOptions::new(JsonMerge::members())
}

#[tokio::test(start_paused = true)]
async fn clients_are_told_the_times_of_branches_unless_they_are_not_to_know() {
    let told = fan_out(options()).oneshot(asking("/")).await.unwrap();
    let expected = "orders;dur=12, ads;dur=30;desc=\"timed_out\", stock;dur=0;desc=\"rejected\"";
    assert_eq!(header(&told, "server-timing"), Some(expected));
    let untold = fan_out(options().server_timing(false)).oneshot(asking("/")).await.unwrap();
    assert_eq!(header(&untold, "server-timing"), None);
}

#[tokio::test(start_paused = true)]
async fn times_stand_beside_those_that_a_merge_tells() {
    let merge = |_: integridai_tower::fan_out::Answers| {
        Response::builder().header("server-timing", "merge;dur=1").body(Bytes::new()).unwrap()
    };
    let told = fan_out(FanOutOptions::new(merge)).oneshot(asking("/")).await.unwrap();
    assert_eq!(told.headers().get_all("server-timing").iter().count(), 2);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn each_branch_has_a_span_that_closes_with_its_outcome() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || writer.clone());
    let _listening = set_default(subscriber.finish());
    // With a single subscriber, another test's thread that meets the span first would switch it off for all.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let logging = service_fn(|_: Whole| {
        tracing::info!("asked");
        ready(Ok::<_, Infallible>(response(201, "1")))
    });
    let routes = (Route::required("orders", logging), Route::optional("ads", broken()));
    FanOut::new(routes, options()).unwrap().oneshot(asking("/")).await.unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let find = |part: &str| text.lines().find(|line| line.contains(part)).map(ToOwned::to_owned);
    assert!(find("asked").unwrap().contains(r#"fan_out.branch{branch="orders" required=true}"#), "{text}");
    let orders = find(r#"outcome="ok""#).unwrap();
    assert!(orders.contains(r#"branch="orders""#) && orders.contains("attempts=1 status=201"), "{text}");
    let ads = find(r#"outcome="error""#).unwrap();
    assert!(
        ads.contains(
            r#"branch="ads" required=false outcome="error" attempts=1 error="the service failed: 10.0.0.7 refused the secret""#
        ),
        "{text}"
    );
    assert_eq!(text.lines().filter(|line| line.contains("close")).count(), 2, "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_times_of_branches_are_metrics_by_how_they_ended() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = {
        let _local = ::metrics::set_default_local_recorder(&recorder);
        let service = CountRefusalsLayer::new().label("listener", "public").layer(fan_out(options()));
        for _ in 0..2 {
            service.clone().oneshot(asking("/")).await.unwrap();
        }
        let gathered = gather((Branch::optional("typed", after(3)),)).await.unwrap();
        BranchTimes::default().record(&gathered.outcomes);
        recorder.handle().render()
    };
    for (branch, outcome, labels, sum, count) in [
        ("orders", "ok", ",listener=\"public\"", "0.024", 2),
        ("ads", "timed_out", ",listener=\"public\"", "0.06", 2),
        ("stock", "rejected", ",listener=\"public\"", "0", 2),
        ("typed", "error", "", "0.003", 1),
    ] {
        let labels = format!("{{branch=\"{branch}\",outcome=\"{outcome}\"{labels}}}");
        for line in [
            format!("fan_out_branch_duration_seconds_sum{labels} {sum}"),
            format!("fan_out_branch_duration_seconds_count{labels} {count}"),
        ] {
            assert!(page.lines().any(|known| known == line), "{line}\n{page}");
        }
    }
}

#[tokio::test]
async fn names_of_branches_make_no_endless_series() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _local = ::metrics::set_default_local_recorder(&recorder);
    let times = BranchTimes::default();
    let branches =
        (0..500).map(|number| Branch::optional(format!("branch-{number}"), ready(Ok::<_, String>(number))));
    times.record(&gather(branches.collect::<Vec<_>>()).await.unwrap().outcomes);
    let page = recorder.handle().render();
    assert_eq!(page.lines().filter(|line| line.contains("_count{")).count(), 32);
    assert!(page.contains("branch=\"other\",outcome=\"ok\"} 469"), "{page}");
}
