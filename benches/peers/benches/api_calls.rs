//! What a row of `api_calls_log` for each call costs the gateway: requests per second with `database.api_calls` and without, on
//! SQLite. Two gateways in this process take turns, and each has time to write its last rows. `-- PAIRS` makes so many pairs of turns.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use integridai_gateway::app::App;
use integridai_gateway::config::Config;
use integridai_gateway::demo::{SimulatorOptions, Simulators};
use integridai_gateway::telemetry::{self, LogOptions};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 32;
const PAIRS: usize = 41;
/// How long the store lets rows wait for company, and a little for the writing.
const LAST_BATCH: Duration = Duration::from_millis(300);

/// A request of the gateway's own, one that is passed on, and a workflow of two calls.
const CASES: [(&str, &str, usize); 3] = [
    ("cached metrics", "GET /api/v1/metrics/consolidated HTTP/1.1\r\nhost: localhost\r\n\r\n", 200),
    ("passed on", "GET /api/v1/dashboard/api/v1/dashboard/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n", 100),
    (
        "workflow",
        "POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 106\r\n\r\n\
         {\"workflow\":\"complete_analysis\",\"payload\":{\"name\":\"Acme SA\",\"cuit\":\"30-12345678-9\",\"sector\":\"tecnologia\"}}",
        40,
    ),
];

struct Gateway {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<()>,
    _folder: TempDir,
}

impl Gateway {
    async fn start(simulators: &Simulators, api_calls: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = [
            ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
            ("AUTH__DISABLED", "true".to_owned()),
            ("RATE_LIMITS__DISABLED", "true".to_owned()),
            ("DATABASE__API_CALLS", api_calls.to_string()),
            ("DATABASE__PATH", folder.path().join("gateway.db").display().to_string()),
            ("SERVICES__REGTECH__BASE_URL", simulators.regtech.url()),
            ("SERVICES__FLAISIMULATOR__BASE_URL", simulators.flaisimulator.url()),
            ("SERVICES__DASHBOARD__BASE_URL", simulators.dashboard.url()),
        ];
        let settings = settings.map(|(key, value)| (format!("INTEGRIDAI_{key}"), value));
        let app = App::build(Config::load(None, settings).expect("the settings are right")).await;
        let app = app.expect("it can be built");
        let address = app.address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            app.run(async { drop(stopped.await) }).await.expect("it runs");
        });
        Self { address, stop, running, _folder: folder }
    }

    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.running.await.expect("it ends");
    }
}

/// Requests per second over connections that stay open.
async fn turn(address: SocketAddr, request: &'static str, each: usize) -> f64 {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.set_nodelay(true).expect("a socket");
            let mut room = vec![0; 16 * 1024];
            for _ in 0..each {
                stream.write_all(request.as_bytes()).await.expect("it takes requests");
                read_answer(&mut stream, &mut room).await;
            }
        });
    }
    clients.join_all().await;
    let elapsed = began.elapsed();
    tokio::time::sleep(LAST_BATCH).await;
    (CONNECTIONS * each) as f64 / elapsed.as_secs_f64()
}

async fn read_answer(stream: &mut TcpStream, room: &mut [u8]) {
    let mut filled = 0;
    loop {
        filled += match stream.read(&mut room[filled..]).await.expect("it answers") {
            0 => panic!("it closed: {}", String::from_utf8_lossy(&room[..filled])),
            read => read,
        };
        let text = &room[..filled];
        let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let is_whole = match length {
            Some(length) => filled >= end + 4 + length.parse::<usize>().expect("a length"),
            None => text.ends_with(b"0\r\n\r\n"),
        };
        if is_whole {
            return;
        }
    }
}

async fn compare(name: &str, request: &'static str, each: usize, pairs: usize, gateways: [&Gateway; 2]) {
    let (mut rates, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for number in 0..pairs {
        // Who comes first takes turns as well.
        let mut pair = [0.0; 2];
        for place in [number % 2, 1 - number % 2] {
            pair[place] = turn(gateways[place].address, request, each).await;
            rates[place].push(pair[place]);
        }
        ratios.push(pair[1] / pair[0]);
    }
    let middle = |figures: &mut Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let [without, with] = rates.each_mut().map(middle);
    let ratio = middle(&mut ratios);
    println!(
        "api_calls, {name}: {without:.0} requests/s without the log, {with:.0} with it: {:.1} % fewer, {:.1} % in the middle of {pairs} pairs ({:.1} to {:.1} in the middle half)",
        (1.0 - with / without) * 100.0,
        (1.0 - ratio) * 100.0,
        (1.0 - ratios[3 * pairs / 4]) * 100.0,
        (1.0 - ratios[pairs / 4]) * 100.0,
    );
}

fn main() {
    let pairs = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(PAIRS);
    let options = LogOptions { filter: "warn".to_owned(), ..LogOptions::default() };
    let _logs = telemetry::init(&options).expect("the first subscriber");
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let simulators = Simulators::start(&SimulatorOptions::default()).expect("loopback has free ports");
        let without = Gateway::start(&simulators, false).await;
        let with = Gateway::start(&simulators, true).await;
        for (name, request, each) in CASES {
            compare(name, request, each, pairs, [&without, &with]).await;
        }
        without.stop().await;
        with.stop().await;
        simulators.stop().await;
    });
}
