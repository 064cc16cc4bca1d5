//! A scripted origin: it answers what the case tells it to, request by request, and keeps what it was asked.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use integridai_tower::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::date::expand;
use super::progress::{Counts, Progress};
use super::script::{Fault, Framed, Hold, Script};
use super::wire::{Fields, Wire, framing_of_request, split};

/// A target that is no part of any case: whether a proxy is in front of this origin.
pub(crate) const PROBE: &str = "/probe";

/// A request as it came to the origin, and what it got.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Fields,
    pub(crate) content: String,
    pub(crate) sent_status: u16,
    pub(crate) sent_content: String,
}

impl Seen {
    pub(crate) fn is_conditional(&self) -> bool {
        self.fields.has("if-none-match") || self.fields.has("if-modified-since")
    }
}

#[derive(Clone)]
pub(crate) struct Origin {
    state: Arc<Mutex<State>>,
    clock: Clock,
    start: u64,
    progress: Progress,
}

#[derive(Default)]
struct State {
    scripts: VecDeque<Script>,
    seen: Vec<Seen>,
    is_probed: bool,
}

impl Origin {
    pub(crate) async fn start(
        clock: &Clock,
        progress: &Progress,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let origin = Self {
            state: Arc::default(),
            clock: clock.clone(),
            start: clock.since_epoch().as_secs(),
            progress: progress.clone(),
        };
        tasks.spawn(origin.clone().listen(listener));
        Ok((origin, address))
    }

    /// Replaces what is left of an earlier script.
    pub(crate) fn expect(&self, scripts: &[Script]) {
        self.state().scripts = scripts.iter().cloned().collect();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Whether a request for [`PROBE`] came.
    pub(crate) fn is_probed(&self) -> bool {
        self.state().is_probed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn listen(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(self.clone().serve(stream));
        }
    }

    /// Ends with the connection, or with an answer that breaks it.
    async fn serve(self, stream: TcpStream) {
        let mut wire = Wire::new(stream);
        while let Ok(true) = self.exchange(&mut wire).await {}
    }

    async fn exchange(&self, wire: &mut Wire) -> io::Result<bool> {
        let Some(head) = wire.head().await? else { return Ok(false) };
        if head.word(1) == PROBE {
            self.state().is_probed = true;
            wire.write("HTTP/1.1 204 Probed\r\n\r\n").await?;
            return Ok(true);
        }
        let content = wire.content(framing_of_request(&head.fields)).await;
        let seen = Seen {
            method: head.word(0).to_owned(),
            target: head.word(1).to_owned(),
            fields: head.fields,
            content: content.text,
            sent_status: 0,
            sent_content: String::new(),
        };
        let (script, seen) = self.record(seen);
        self.progress.asked();
        self.answer(wire, &script, &seen).await
    }

    fn record(&self, mut seen: Seen) -> (Script, Seen) {
        let mut state = self.state();
        let script = state.scripts.pop_front().unwrap_or_default().for_request(seen.is_conditional());
        seen.sent_status = script.status;
        if !matches!(script.status, 204 | 304) {
            let echo = script.echoes.map(|name| seen.fields.first(name).unwrap_or("nobody").to_owned());
            let content = echo.or_else(|| script.content.clone());
            seen.sent_content = content.unwrap_or_else(|| format!("answer {}", state.seen.len() + 1));
        }
        state.seen.push(seen.clone());
        (script, seen)
    }

    async fn answer(&self, wire: &mut Wire, script: &Script, seen: &Seen) -> io::Result<bool> {
        for (status, lines) in &script.interim {
            wire.write(&self.head(*status, lines)).await?;
        }
        self.hold(script.hold).await;
        if script.fault == Fault::NoAnswer {
            return Ok(false);
        }
        let mut lines = script.lines.clone();
        let has_own_date = lines.iter().any(|line| split(line).0 == "date");
        if script.is_dated && !has_own_date {
            lines.push("date: {now}".to_owned());
        }
        let has_content = !matches!(script.status, 204 | 304);
        if has_content {
            lines.extend(framing_line(script, seen.sent_content.len()));
        }
        wire.write(&self.head(script.status, &lines)).await?;
        if !has_content || seen.method == "HEAD" {
            return Ok(true);
        }
        self.content(wire, script, &seen.sent_content).await
    }

    async fn content(&self, wire: &mut Wire, script: &Script, content: &str) -> io::Result<bool> {
        if let Fault::After(bytes) = script.fault {
            wire.write(&content[..bytes]).await?;
            return Ok(false);
        }
        let pieces = if script.paced == 0 { vec![content] } else { content.split_inclusive('|').collect() };
        let mut sent = 0;
        for piece in pieces {
            match script.framed {
                Framed::Chunked if piece.is_empty() => {}
                Framed::Chunked => wire.write(&format!("{:x}\r\n{piece}\r\n", piece.len())).await?,
                Framed::Length | Framed::UntilClosed => wire.write(piece).await?,
            }
            sent += piece.len() * script.paced;
            self.progress.until(|counts| counts.received >= sent).await;
        }
        if script.framed == Framed::Chunked {
            let trailers: String = script.trailers.iter().map(|line| format!("{line}\r\n")).collect();
            wire.write(&format!("0\r\n{trailers}\r\n")).await?;
        }
        Ok(script.framed != Framed::UntilClosed)
    }

    fn head(&self, status: u16, lines: &[String]) -> String {
        let now = self.clock.since_epoch().as_secs();
        let lines: String =
            lines.iter().map(|line| format!("{}\r\n", expand(line, self.start, now))).collect();
        format!("HTTP/1.1 {status} As Scripted\r\n{lines}\r\n")
    }

    async fn hold(&self, hold: Hold) {
        match hold {
            Hold::No => {}
            Hold::Arrived(requests) => self.until(|counts| counts.arrived >= requests).await,
            Hold::Left(requests) => self.until(|counts| counts.finished >= requests).await,
        }
    }

    async fn until(&self, holds: impl FnMut(&Counts) -> bool) {
        self.progress.until(holds).await;
    }
}

fn framing_line(script: &Script, length: usize) -> Option<String> {
    match script.framed {
        Framed::Length => Some(format!("content-length: {length}")),
        Framed::Chunked => Some("transfer-encoding: chunked".to_owned()),
        Framed::UntilClosed => Some("connection: close".to_owned()),
    }
}
