//! Contenders take turns, so that a slow moment of the machine meets all of them.

use std::time::Duration;

use criterion::Criterion;

/// Does so many rounds and tells how long they took.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) run: Box<dyn Fn(u64) -> Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    Peer,
    /// What the service or a look-up costs by itself.
    Floor,
    /// What an exchange costs by itself: it is no part of what a layer costs.
    Exchange,
}

/// What is compared; contenders are made when they are wanted, since some have a hundred thousand answers.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Rounds per turn.
    pub(crate) rounds: u64,
    pub(crate) make: fn() -> Vec<Contender>,
}

/// Many short ones: on a machine with other work, long ones are interrupted.
const TURNS: usize = 501;

impl Case {
    pub(crate) fn print_ratios(&self) {
        let contenders = (self.make)();
        let times = times(&contenders, self.rounds);
        let of = |role| contenders.iter().zip(&times).filter(move |(contender, _)| contender.role == role);
        let best = of(Role::Peer).map(|(_, time)| time.median).fold(f64::INFINITY, f64::min);
        let ours = of(Role::Ours).map(|(_, time)| time.median).sum::<f64>();
        let exchange = of(Role::Exchange).map(|(_, time)| time.median).sum::<f64>();
        for (contender, Time { median, least }) in contenders.iter().zip(&times) {
            let (name, own) = (contender.name, median - exchange);
            let ratio = match contender.role {
                Role::Ours => {
                    let (all, own) = (median / best, own / (best - exchange));
                    format!("{all:.2} x the best peer, {own:.2} without the exchange")
                }
                Role::Peer => {
                    let (all, own) = (ours / median, (ours - exchange) / own);
                    format!("ours is {all:.2} of it, {own:.2} without the exchange")
                }
                // A look-up has no exchange around it.
                Role::Floor => {
                    let (all, own) = (ours / median, (ours - exchange) / median);
                    format!("ours is {all:.2} of it, {own:.2} without the exchange")
                }
                Role::Exchange => "no part of what a layer costs".to_owned(),
            };
            println!("{}: {name:26} {median:9.1} ns (least {least:.1}); {ratio}", self.name);
        }
    }

    pub(crate) fn bench(&self, criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group(format!("cache/{}", self.name));
        for contender in (self.make)() {
            group.bench_function(contender.name, |bencher| bencher.iter_custom(&contender.run));
        }
        group.finish();
    }
}

/// Of one round, in nanoseconds.
struct Time {
    median: f64,
    least: f64,
}

fn times(contenders: &[Contender], rounds: u64) -> Vec<Time> {
    let mut turns: Vec<Vec<Duration>> = vec![Vec::with_capacity(TURNS); contenders.len()];
    for _ in 0..TURNS {
        for (contender, times) in contenders.iter().zip(&mut turns) {
            times.push((contender.run)(rounds));
        }
    }
    let time = |mut times: Vec<Duration>| {
        times.sort_unstable();
        let of_one = |time: Duration| time.as_secs_f64() * 1e9 / rounds as f64;
        Time { median: of_one(times[TURNS / 2]), least: of_one(times[0]) }
    };
    turns.into_iter().map(time).collect()
}
