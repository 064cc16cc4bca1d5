//! A way to Redis of one replica alone, which can be cut and held up.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// It ends its connections, and new ones at once.
    Cut,
    /// Nothing comes through, either way.
    Held,
    /// What Redis says does not come through.
    Mute,
    /// What Redis tells of changes does not come through.
    Deaf,
}

/// Of the connections of a replica, the one that waits for changes.
const HEARS: usize = 1;
const CONNECTIONS: usize = 3;

impl Wire {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(State::Whole));
        let mut tasks = JoinSet::new();
        let watched = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(carry(stream, port, number % CONNECTIONS == HEARS, watched.subscribe()));
                number += 1;
            }
        });
        Self { address, state, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn hold(&self) {
        self.state.send_replace(State::Held);
    }

    pub(crate) fn mute(&self) {
        self.state.send_replace(State::Mute);
    }

    pub(crate) fn deafen(&self) {
        self.state.send_replace(State::Deaf);
    }

    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn carry(near: TcpStream, port: u16, hears: bool, mut state: watch::Receiver<State>) {
    let (sending, answering) = (state.clone(), state.clone());
    let carried = async move {
        let far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let is_held = move |state: State| match state {
            State::Held | State::Mute => true,
            State::Deaf => hears,
            State::Whole | State::Cut => false,
        };
        tokio::try_join!(
            pump(near_in, far_out, sending, |state| state == State::Held),
            pump(far_in, near_out, answering, is_held),
        )
    };
    tokio::select! {
        _ = carried => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
}

/// Ends both ways at the end of one, by an error.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
    is_held: impl Fn(State) -> bool,
) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        state.wait_for(|state| !is_held(*state)).await.map_err(io::Error::other)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&piece[..length]).await?;
    }
}
