//! Real sockets below: checks, ejection, and an address where nobody listens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use integridai_tower::client::ServiceClient;

use super::*;
use crate::endpoint::get;
use crate::peer::{Peer, nobody, soon};
use crate::transport::{Transport, transports};

/// Answers with a status that can be changed, keeps connections, and counts calls and checks.
struct Server {
    status: Arc<AtomicU16>,
    calls: Arc<AtomicUsize>,
    checks: Arc<AtomicUsize>,
    peer: Peer,
}

impl Server {
    async fn start() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let (calls, checks) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let shared = (Arc::clone(&status), Arc::clone(&calls), Arc::clone(&checks));
        let peer = Peer::start(move |mut connection| {
            let (status, calls, checks) = shared.clone();
            async move {
                while let Some(request) = connection.request().await {
                    assert!(request.to_lowercase().contains("\r\nhost: library\r\n"), "{request}");
                    let counter = if request.starts_with("GET /health ") { &checks } else { &calls };
                    counter.fetch_add(1, Ordering::SeqCst);
                    let status = status.load(Ordering::SeqCst);
                    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\n");
                    if !connection.say(format!("{head}ok")).await {
                        break;
                    }
                }
            }
        })
        .await;
        Self { status, calls, checks, peer }
    }

    fn address(&self) -> Authority {
        authority(&self.peer.url())
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

fn authority(url: &str) -> Authority {
    let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    Authority::try_from(address.to_string()).unwrap()
}

type Addresses = Balancer<Authority, AtAddress<Transport>>;

fn balancer(transport: Transport, addresses: Vec<Authority>) -> Addresses {
    let options = BalanceOptions::new().load(Load::PendingRequests).seed(1);
    let make = move |address: &Authority| AtAddress::new(transport.clone(), address.clone());
    options.build("library", addresses, make).unwrap()
}

async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn states(balancer: &Addresses) -> Vec<AddressState> {
    balancer.snapshot().into_iter().map(|address| address.state).collect()
}

#[tokio::test]
async fn checks_find_who_is_ill_and_who_is_well_again() {
    for transport in transports() {
        let servers = [Server::start().await, Server::start().await];
        let (silent, nowhere) = nobody();
        let addresses = servers.iter().map(Server::address).chain([authority(&nowhere)]);
        let balancer = balancer(transport, addresses.collect());
        let client = ServiceClient::new("library", "http://library", balancer.service()).unwrap();
        let health =
            |_: &Authority| Request::get("http://library/health").body(Full::<Bytes>::default()).unwrap();
        let options = HealthOptions::new().interval(10 * MS);
        let checks = tokio::spawn(balancer.check_health(options, health).unwrap());
        until(|| states(&balancer)[2] == AddressState::Unhealthy).await;
        servers[0].answers(500);
        until(|| states(&balancer)[0] == AddressState::Unhealthy).await;
        for _ in 0..20 {
            soon(client.call(get()).send()).await.unwrap();
        }
        assert_eq!((servers[0].calls(), servers[1].calls()), (0, 20));
        servers[0].answers(200);
        until(|| states(&balancer)[0] == AddressState::Available).await;
        for _ in 0..40 {
            soon(client.call(get()).send()).await.unwrap();
        }
        assert!(servers[0].calls() > 5);
        let checks_so_far = servers[0].checks.load(Ordering::SeqCst);
        assert!(checks_so_far > 5 && servers[0].peer.accepted() <= 2, "a check and a call at once at most");
        checks.abort();
        drop(silent);
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_ejected() {
    for transport in transports() {
        let server = Server::start().await;
        let (silent, nowhere) = nobody();
        let balancer = balancer(transport, vec![authority(&nowhere), server.address()]);
        let client = ServiceClient::new("library", "http://library", balancer.service()).unwrap();
        let mut failed = 0;
        for _ in 0..60 {
            failed += usize::from(soon(client.call(get()).send()).await.is_err());
        }
        assert_eq!((failed, server.calls()), (5, 55));
        assert!(matches!(states(&balancer)[0], AddressState::Ejected { .. }));
        drop(silent);
    }
}

#[tokio::test]
async fn one_address_answers_as_the_transport_does() {
    for transport in transports() {
        let server = Server::start().await;
        let balancer = balancer(transport.clone(), vec![server.address()]);
        for status in [200, 404, 503] {
            server.answers(status);
            let request = |host: &Authority| {
                let request = Request::get(format!("http://{host}/thing")).header("host", "library");
                request.body(Full::<Bytes>::default()).unwrap()
            };
            let alone = soon(transport.clone().oneshot(request(&server.address()))).await.unwrap();
            let balanced = soon(balancer.service().oneshot(request(&server.address()))).await.unwrap();
            assert_eq!((alone.status(), alone.headers()), (balanced.status(), balanced.headers()));
        }
    }
}
