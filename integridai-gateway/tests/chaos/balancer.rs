//! A load balancer: each new connection to the next replica that takes it.
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Debug)]
struct Shared {
    targets: Mutex<Vec<Option<SocketAddr>>>,
    next: AtomicUsize,
}

/// Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

impl Balancer {
    pub(crate) async fn start(replicas: usize) -> Self {
        let shared =
            Arc::new(Shared { targets: Mutex::new(vec![None; replicas]), next: AtomicUsize::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let listening = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, listening }
    }

    /// Where a replica is.
    pub(crate) fn targets(&self) -> Targets {
        Targets(Arc::clone(&self.shared))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// What the balancer is told. A clone tells the same one.
#[derive(Debug, Clone)]
pub(crate) struct Targets(Arc<Shared>);

impl Targets {
    pub(crate) fn set(&self, replica: usize, address: Option<SocketAddr>) {
        self.0.targets.lock().unwrap()[replica] = address;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // It fails when there are no descriptors left, which is not what is tested.
        let (mut client, _) = listener.accept().await.expect("a connection");
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // Without any, the client's connection is closed.
            let Some(mut replica) = shared.connect().await else { return };
            // Either side may break off at any time.
            let _ = copy_bidirectional(&mut client, &mut replica).await;
        });
    }
}

impl Shared {
    async fn connect(&self) -> Option<TcpStream> {
        let targets = self.targets.lock().unwrap().clone();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for place in 0..targets.len() {
            let Some(target) = targets[(first + place) % targets.len()] else { continue };
            if let Ok(connection) = TcpStream::connect(target).await {
                return Some(connection);
            }
        }
        None
    }
}
