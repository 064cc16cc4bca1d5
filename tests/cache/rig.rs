//! Client, proxy and origin of one case, and how its steps are played.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use integridai_tower::Clock;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::case::{Case, Clients, Step};
use super::check::{Check, Outcome};
use super::client::{Answer, Question, ask};
use super::date::expand;
use super::layer::{Cache, Store};
use super::origin::{Origin, PROBE};
use super::program::Program;
use super::progress::Progress;
use super::proxy::{forward, serve};
use super::script::Script;

/// 2027-01-15 08:00:00 UTC.
const START: Duration = Duration::from_secs(1_800_000_000);
/// Starts of a program until it is one's own.
const ATTEMPTS: usize = 8;
/// Problems of one step that are told.
const LISTED: usize = 6;
/// How long a step may take; nothing in it waits for a time.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// What stands between client and origin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cached<'a> {
    /// The proxy alone: what the rig itself is tried with.
    Not,
    /// The layer, by a clock of the case's own.
    Here(&'a Store),
    /// A program that is started as `PROGRAM ORIGIN LISTEN`.
    There(&'a Path),
}

pub(crate) struct Rig {
    clock: Clock,
    start: u64,
    progress: Progress,
    origin: Origin,
    proxy: SocketAddr,
    cache: Option<Cache>,
    /// Whether the proxy's progress is seen from here.
    is_seen: bool,
    _program: Option<Program>,
    _tasks: JoinSet<()>,
}

impl Rig {
    pub(crate) async fn start(case: &Case, cached: Cached<'_>) -> io::Result<Self> {
        let clock = match cached {
            Cached::Not | Cached::Here(_) => Clock::stopped(START),
            Cached::There(_) => Clock::system(),
        };
        let (progress, mut tasks) = (Progress::new(), JoinSet::new());
        let start = clock.since_epoch().as_secs();
        let (origin, address) = Origin::start(&clock, &progress, &mut tasks).await?;
        let (mut cache, mut program) = (None, None);
        let proxy = match cached {
            Cached::Not => serve(forward(address), &progress, &mut tasks).await?,
            Cached::Here(store) => {
                let layer = Cache::new(&case.cache, store, &clock, &progress, &mut tasks).await;
                let layer = cache.insert(layer);
                layer.serve(address, &progress, &mut tasks).await?
            }
            Cached::There(path) => program.insert(own_program(path, &origin, address).await?).address(),
        };
        let is_seen = program.is_none();
        Ok(Self { clock, start, progress, origin, proxy, cache, is_seen, _program: program, _tasks: tasks })
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What went other than the case says, at its first step of that kind.
    pub(crate) async fn play(&self, case: &Case) -> Vec<String> {
        for (at, step) in case.steps.iter().enumerate() {
            let problems = match timeout(HANGS_AFTER, self.step(step)).await {
                Ok(problems) => problems,
                Err(_) => vec![format!("hangs: {:?}", self.progress.counts())],
            };
            if !problems.is_empty() {
                return problems.into_iter().map(|what| format!("request {}: {what}", at + 1)).collect();
            }
        }
        Vec::new()
    }

    async fn step(&self, step: &Step) -> Vec<String> {
        self.clock.advance(Duration::from_secs(step.after));
        if let (Some(purge), Some(cache)) = (step.purges, &self.cache) {
            cache.purge(purge);
            cache.settle().await;
        }
        self.progress.next_step();
        let fresh = self.origin.seen().len();
        self.origin.expect(&scripts(step));
        let answers = self.ask(step).await;
        if self.is_seen {
            self.progress.quiet().await;
        }
        if let Some(cache) = &self.cache {
            cache.settle().await;
        }
        let seen = self.origin.seen();
        let (target, method) = (&step.question.target, &step.question.method);
        let checks: Vec<Check> = step.checks.iter().map(|check| self.dated_check(check)).collect();
        let problems = answers.iter().enumerate().flat_map(|(at, answer)| {
            let outcome = Outcome { answer, seen: &seen, fresh, target, method };
            let own = step.own.map(|(_, values)| Check::Content(values[at].to_owned()));
            outcome.problems(step.served, &checks.iter().cloned().chain(own).collect::<Vec<_>>())
        });
        let mut problems: Vec<String> = problems.collect();
        // Of many clients with the same trouble one is enough.
        problems.sort();
        problems.dedup();
        problems.truncate(LISTED);
        problems.extend(answers.iter().filter(|_| self.cache.is_some() || !self.is_seen).find_map(
            |answer| {
                let is_told = matches!(answer.status, 0 | 502) || answer.fields.has("cache-status");
                (!is_told).then(|| "an answer without Cache-Status (RFC 9211 §2)".to_owned())
            },
        ));
        problems
    }

    async fn ask(&self, step: &Step) -> Vec<Answer> {
        let question = self.dated(&step.question);
        if let Some((name, values)) = step.own {
            return join_all(values.iter().map(|value| self.ask_own(&question, name, value))).await;
        }
        let one = || {
            let (proxy, question, progress) = (self.proxy, question.clone(), self.progress.clone());
            async move { ask(proxy, &question, &progress).await }
        };
        let mut rest = JoinSet::new();
        match step.clients {
            Clients::Together(1) => vec![one().await],
            Clients::Together(clients) => {
                (0..clients).for_each(|_| drop(rest.spawn(one())));
                rest.join_all().await
            }
            Clients::FirstLeaves(clients) => {
                let first = tokio::spawn(one());
                self.progress.until(|counts| counts.asked > 0).await;
                (1..clients).for_each(|_| drop(rest.spawn(one())));
                self.progress.until(|counts| counts.arrived >= clients).await;
                first.abort();
                rest.join_all().await
            }
        }
    }

    async fn ask_own(&self, question: &Question, name: &str, value: &str) -> Answer {
        let mut question = question.clone();
        question.lines.push(format!("{name}: {value}"));
        ask(self.proxy, &question, &self.progress).await
    }

    fn dated(&self, question: &Question) -> Question {
        let lines = question.lines.iter().map(|line| self.expand(line)).collect();
        Question { lines, ..question.clone() }
    }

    fn dated_check(&self, check: &Check) -> Check {
        match check {
            Check::Shows(line) => Check::Shows(self.expand(line)),
            Check::OriginSaw(line) => Check::OriginSaw(self.expand(line)),
            other => other.clone(),
        }
    }

    fn expand(&self, line: &str) -> String {
        expand(line, self.start, self.clock.since_epoch().as_secs())
    }
}

/// Started again until its requests come to this origin: another case may have taken its port in between.
async fn own_program(path: &Path, origin: &Origin, address: SocketAddr) -> io::Result<Program> {
    let probe = Question { method: "OPTIONS".to_owned(), target: PROBE.to_owned(), ..Question::default() };
    for _ in 0..ATTEMPTS {
        let Ok(program) = Program::start(path, address).await else { continue };
        ask(program.address(), &probe, &Progress::new()).await;
        if origin.is_probed() {
            return Ok(program);
        }
    }
    Err(io::Error::other("no program of its own came up"))
}

/// Clients that say something of their own get the same answer each, but for what it echoes.
fn scripts(step: &Step) -> Vec<Script> {
    match (step.own, &step.scripts[..]) {
        (Some((_, values)), [script]) => vec![script.clone(); values.len()],
        _ => step.scripts.clone(),
    }
}
