//! The correlation layer's span, as lines of a log show it.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use integridai_tower::correlation::CorrelationLayer;
use tower::{Layer, ServiceExt};
use tracing::Subscriber;
use tracing::subscriber::set_default;

use crate::support::probe::Probe;

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

impl Lines {
    fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let lines = self.clone();
        tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || lines.clone()).finish()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What an inner service that logs when it is called, while it works and when it is dropped leaves in the log.
async fn logged(layer: CorrelationLayer) -> Vec<String> {
    struct Farewell;
    impl Drop for Farewell {
        fn drop(&mut self) {
            tracing::info!("dropped");
        }
    }
    let lines = Lines::default();
    let _listening = set_default(lines.subscriber());
    let service = layer.layer(Probe::new(|_: Request<()>| {
        tracing::info!("called");
        async {
            let _farewell = Farewell;
            tokio::task::yield_now().await;
            tracing::info!("works");
            Ok::<_, Infallible>(Response::new(()))
        }
    }));
    let request = Request::builder()
        .header("x-correlation-id", "order-4711")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    service.oneshot(request.body(()).unwrap()).await.unwrap();
    tracing::info!("outside");
    lines.text().lines().map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn each_line_of_the_request_has_its_id_and_none_outside_does() {
    let lines = logged(CorrelationLayer::new()).await;
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in &lines[..3] {
        assert!(line.contains("request{correlation_id=\"order-4711\"}:"), "{line}");
    }
    assert!(lines[3].ends_with("outside") && !lines[3].contains("order-4711"), "{}", lines[3]);
}

#[tokio::test]
async fn the_span_names_the_trace_where_it_is_read() {
    let lines = logged(CorrelationLayer::new().trace_context()).await;
    let trace = "correlation_id=\"order-4711\" trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=";
    assert!(lines[..3].iter().all(|line| line.contains(trace)), "{lines:?}");
    assert!(lines[..3].iter().all(|line| line.contains("parent_span_id=00f067aa0ba902b7")), "{lines:?}");
}

#[tokio::test]
async fn the_span_can_be_another_or_none() {
    let own = CorrelationLayer::new().span_by(
        |correlation, request| tracing::info_span!("own", id = %correlation.id(), path = request.uri.path()),
    );
    let lines = logged(own).await;
    assert!(lines[..3].iter().all(|line| line.contains("own{id=order-4711 path=\"/\"}:")), "{lines:?}");
    let lines = logged(CorrelationLayer::new().without_span()).await;
    assert!(lines.len() == 4 && lines.iter().all(|line| !line.contains('{')), "{lines:?}");
}
