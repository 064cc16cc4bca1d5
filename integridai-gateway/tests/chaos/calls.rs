//! Calls of each gateway itself, one after the other and each of a path of its own, so that its row is found again.
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::task::JoinHandle;

use crate::ledger::Ledger;

/// How a gateway ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    InOrder,
    Killed,
}

/// Those of one gateway, from its start to its end.
#[derive(Debug)]
pub(crate) struct Calls {
    calling: JoinHandle<Vec<String>>,
}

/// The paths that one gateway has answered, in their order.
#[derive(Debug)]
pub(crate) struct Answered {
    paths: Vec<String>,
    end: End,
}

const BETWEEN_CALLS: Duration = Duration::from_millis(10);
const ROWS: &str = "SELECT endpoint FROM api_calls_log WHERE endpoint LIKE '/chaos/%'";

impl Calls {
    pub(crate) fn of(gateway: SocketAddr) -> Self {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        Self { calling: tokio::spawn(call(gateway, run)) }
    }

    /// Once the gateway is gone.
    pub(crate) async fn end(self, end: End) -> Answered {
        Answered { paths: self.calling.await.expect("it goes on until the gateway is gone"), end }
    }
}

/// Until there is no answer: then the gateway is gone, or about to be.
async fn call(gateway: SocketAddr, run: usize) -> Vec<String> {
    let client = Client::builder().no_proxy().build().expect("no TLS is needed");
    let mut answered = Vec::new();
    loop {
        let path = format!("/chaos/{run}/{}", answered.len());
        let Ok(answer) = client.get(format!("http://{gateway}{path}")).send().await else { return answered };
        assert_eq!(answer.status(), 404);
        if answer.bytes().await.is_err() {
            return answered;
        }
        answered.push(path);
        tokio::time::sleep(BETWEEN_CALLS).await;
    }
}

/// Each call that was answered has its row: all of those of a gateway that ended in order, and of one that was killed all but the
/// last, which had no time to be written. Answers how many those are.
pub(crate) fn the_calls_are_complete(ledger: &Ledger, gateways: &[Answered]) -> usize {
    let rows = ledger.column(ROWS);
    let recorded: BTreeSet<&String> = rows.iter().collect();
    assert_eq!(recorded.len(), rows.len(), "no call is there twice");
    let mut lost = 0;
    for Answered { paths, end } in gateways {
        let written = paths.iter().take_while(|path| recorded.contains(path)).count();
        let (missing, rest) = (paths.len() - written, &paths[written..]);
        assert!(*end == End::Killed || missing == 0, "{missing} calls are not in the log: {rest:?}");
        let later: Vec<_> = rest.iter().filter(|path| recorded.contains(path)).collect();
        assert!(later.is_empty(), "{} is missing although {later:?} are there", rest[0]);
        lost += missing;
    }
    lost
}
