//! A way to Redis that can be cut for one replica alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) struct Wire {
    address: SocketAddr,
    is_whole: Arc<watch::Sender<bool>>,
    _tasks: JoinSet<()>,
}

impl Wire {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_whole = Arc::new(watch::Sender::new(true));
        let mut tasks = JoinSet::new();
        let state = Arc::clone(&is_whole);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(carry(stream, port, state.subscribe()));
            }
        });
        Self { address, is_whole, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Ends its connections, and new ones at once.
    pub(crate) fn cut(&self) {
        self.is_whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.is_whole.send_replace(true);
    }
}

async fn carry(mut near: TcpStream, port: u16, mut is_whole: watch::Receiver<bool>) {
    let carried = async {
        if let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }
    };
    tokio::select! {
        () = carried => {}
        _ = is_whole.wait_for(|is_whole| !is_whole) => {}
    }
}
