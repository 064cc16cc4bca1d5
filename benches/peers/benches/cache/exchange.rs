//! Requests to a service, whose content is read. The requests are there before the time is taken; their end, and that of the
//! answers, is part of it.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};

use super::turns::{Contender, Role};

/// What is asked for, and by how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) urls: Urls,
    pub(crate) threads: usize,
    /// Bytes of an answer.
    pub(crate) size: usize,
    /// Whether what is fetched is stored, in each exchange.
    pub(crate) is_stored_each_time: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Urls {
    /// So many, which were asked for before.
    Known(u64),
    /// Each one once, after so many that the stores are full.
    New,
}

/// Fewer than the time of a turn, so that requests do not fall out of the processor's caches.
const BATCH: u64 = 200;

impl Work {
    /// Answers that each store has room for.
    pub(crate) fn room(self) -> u64 {
        match self.urls {
            Urls::Known(urls) => urls.max(1_000),
            Urls::New => 10_000,
        }
    }

    pub(crate) fn contender<S, A, B>(self, name: &'static str, role: Role, service: S) -> Contender
    where
        S: Service<Request<A>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Debug,
        A: Default + Send + 'static,
        B: Body<Data = Bytes>,
        B::Error: Debug,
    {
        let known = match self.urls {
            Urls::Known(urls) => urls,
            Urls::New => 2 * self.room(),
        };
        let first = (0..known).map(request).collect();
        serve(&runtime(), &mut service.clone(), first, self.size);
        let next = AtomicU64::new(known);
        let number = move || match self.urls {
            Urls::Known(urls) => next.fetch_add(48_271, Ordering::Relaxed) % urls,
            Urls::New => next.fetch_add(1, Ordering::Relaxed),
        };
        let services = Clones(service);
        let run = move |rounds: u64| self.run(rounds, &services, &number);
        Contender { name, role, run: Box::new(run) }
    }

    fn run<S, A, B>(self, rounds: u64, services: &Clones<S>, number: &(impl Fn() -> u64 + Sync)) -> Duration
    where
        S: Service<Request<A>, Response = Response<B>> + Clone + Send,
        S::Error: Debug,
        A: Default + Send,
        B: Body<Data = Bytes>,
        B::Error: Debug,
    {
        if self.threads == 1 {
            let (runtime, mut service) = (runtime(), services.0.clone());
            let mut time = Duration::ZERO;
            for begin in (0..rounds).step_by(BATCH as usize) {
                let requests = (begin..rounds.min(begin + BATCH)).map(|_| request(number())).collect();
                let start = Instant::now();
                serve(&runtime, &mut service, requests, self.size);
                time += start.elapsed();
            }
            return time;
        }
        let shares = (0..self.threads).map(|_| {
            let requests: Vec<Request<A>> = (0..rounds).map(|_| request(number())).collect();
            (services.0.clone(), requests)
        });
        together(shares.collect(), |(mut service, requests)| {
            serve(&runtime(), &mut service, requests, self.size);
        })
    }
}

/// A service to be cloned by whoever asks.
struct Clones<S>(S);

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

pub(crate) fn request<A: Default>(number: u64) -> Request<A> {
    let request = Request::get(format!("/item/{number}?page=1")).header("host", "origin.test");
    request.header("accept", "*/*").body(A::default()).expect("a valid request")
}

fn serve<S, A, B>(runtime: &Runtime, service: &mut S, requests: Vec<Request<A>>, size: usize)
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Error: Debug,
    B: Body<Data = Bytes>,
    B::Error: Debug,
{
    runtime.block_on(async {
        for request in requests {
            let answer = service.ready().await.expect("it is ready").call(request).await;
            let mut body = pin!(answer.expect("it does not fail").into_body());
            let mut length = 0;
            while let Some(frame) = body.frame().await {
                length += frame.expect("it does not fail").into_data().map_or(0, |data| data.len());
            }
            assert_eq!(length, size);
        }
    });
}

/// From the first one's begin to the end of the last one, each of which begins once all stand ready.
fn together<T: Send>(shares: Vec<T>, work: impl Fn(T) + Sync) -> Duration {
    let ready = Barrier::new(shares.len());
    thread::scope(|scope| {
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let (ready, work) = (&ready, &work);
                scope.spawn(move || {
                    ready.wait();
                    let start = Instant::now();
                    work(share);
                    (start, Instant::now())
                })
            })
            .collect();
        let times: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("it ends")).collect();
        let start = times.iter().map(|(start, _)| *start).min().expect("there is one");
        times.iter().map(|(_, end)| *end - start).max().expect("there is one")
    })
}
