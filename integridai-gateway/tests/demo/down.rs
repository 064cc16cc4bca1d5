//! Services that go down and come up again, and the ports they get.
use integridai_gateway::demo::{Failure, Latency, Port, ServiceOptions};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::*;

fn on(port: Port) -> SimulatorOptions {
    let regtech = ServiceOptions { port, ..ServiceOptions::default() };
    SimulatorOptions { regtech, ..SimulatorOptions::default() }
}

#[tokio::test]
async fn a_stopped_service_refuses_connections_and_comes_back_on_its_port() {
    let simulators = start();
    let regtech = &simulators.regtech;
    let (client, address) = (client(), regtech.address());
    let ask = || client.get(regtech.url() + HEALTH).send();
    assert_eq!(ask().await.expect("up").status(), 200);
    for _ in 0..3 {
        within(regtech.stop()).await;
        assert!(ask().await.expect_err("down").is_connect());
        regtech.stop().await;
        regtech.restart().await.expect("the port was kept");
        regtech.restart().await.expect("a running service stays as it is");
        assert_eq!(ask().await.expect("up again").status(), 200);
    }
    assert_eq!(regtech.address(), address);
    assert_eq!(regtech.control().report().count(HEALTH, "200"), 4);
}

#[tokio::test]
async fn stopping_closes_open_connections_and_does_not_blame_the_client() {
    let simulators = start();
    let regtech = &simulators.regtech;
    regtech.control().fail(Failure::hang());
    let request = tokio::spawn(client().get(regtech.url() + HEALTH).send());
    within(regtech.control().wait_until(|report| report.in_flight == 1)).await;
    within(regtech.stop()).await;
    let error = within(request).await.expect("no panic").expect_err("closed");
    assert!(!error.is_timeout(), "{error:?}");
    let report = regtech.control().report();
    assert_eq!((report.count(HEALTH, "stopped"), report.cancelled, report.in_flight), (1, 0, 0));
}

#[tokio::test]
async fn the_port_of_a_stopped_service_is_kept_from_others() {
    let simulators = start();
    let address = simulators.regtech.address();
    simulators.regtech.stop().await;
    let other = TcpSocket::new_v4().expect("a socket");
    let error = other.bind(address).expect_err("kept");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let refused = TcpStream::connect(address).await.expect_err("kept, but not listening");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_preferred_port_that_is_taken_falls_back_and_an_exact_one_fails() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let simulators = Simulators::start(&on(Port::Prefer(port))).expect("falls back");
    assert_ne!(simulators.regtech.address().port(), port);
    assert_eq!(get(&simulators.regtech, HEALTH).await.0, 200);
    let error = Simulators::start(&on(Port::Exactly(port))).expect_err("taken");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_preferred_port_that_is_free_is_used() {
    // Another test may grab the port between the two calls, but not every time.
    let mut used = (0..5).map(|_| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let simulators = Simulators::start(&on(Port::Prefer(port))).expect("free");
        simulators.regtech.address().port() == port
    });
    assert!(used.any(|used| used));
}

#[tokio::test]
async fn dropping_the_services_takes_them_down() {
    let simulators = start();
    let address = simulators.dashboard.address();
    drop(simulators);
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within(refused).await;
}

#[tokio::test]
async fn a_realistic_service_takes_its_time_in_proportion_to_the_scale() {
    let latency = Latency::Realistic { scale: 0.1 };
    let options = SimulatorOptions { latency, seed: 5, ..SimulatorOptions::default() };
    let simulators = Simulators::start(&options).expect("loopback has free ports");
    let (_, analysis) = post(&simulators.regtech, ANALYZE, ACME).await;
    let seconds = analysis["analysis_metadata"]["duration_seconds"].as_f64().expect("duration");
    assert!((0.05..=0.3).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_concurrent_requests_are_all_answered_and_all_counted() {
    let simulators = start();
    let (client, url) = (client(), simulators.regtech.url() + ANALYZE);
    let requests = (0..300).map(|number| {
        let body = json!({"name": "Acme", "cuit": format!("30-{number:08}-1"), "sector": "salud"});
        tokio::spawn(client.post(&url).json(&body).send())
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(within(request).await.expect("no panic").expect("answered").status(), 200);
    }
    let report = simulators.regtech.control().report();
    assert_eq!((report.count(ANALYZE, "200"), report.applied, report.in_flight), (300, 300, 0));
    assert_eq!(simulators.regtech.control().requests().len(), 256);
}
