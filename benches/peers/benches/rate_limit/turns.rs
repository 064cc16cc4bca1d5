//! Contenders take turns, so that a slow moment of the machine meets all of them.

use std::time::Duration;

use criterion::Criterion;

/// Does so many rounds and tells how long they took.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn Fn(u64) -> Duration>,
}

/// What is compared; contenders are made when they are wanted, since each has a hundred thousand keys.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Rounds per turn.
    pub(crate) rounds: u64,
    /// The first is ours, and this one what ours is measured by.
    pub(crate) peer: &'static str,
    /// A contender whose time all others spend as well.
    pub(crate) floor: Option<&'static str>,
    pub(crate) make: Box<dyn Fn() -> Vec<Contender>>,
}

const TURNS: usize = 101;

impl Case {
    pub(crate) fn contenders(&self) -> Vec<Contender> {
        (self.make)()
    }

    pub(crate) fn print_ratios(&self) {
        let contenders = self.contenders();
        let medians = medians(&contenders, self.rounds);
        let of = |name: &str| contenders.iter().position(|known| known.name == name).map(|at| medians[at]);
        let peer = of(self.peer).expect("the peer takes part");
        let floor = self.floor.and_then(of).unwrap_or(0.0);
        for (contender, median) in contenders.iter().zip(&medians) {
            let own = (median - floor) / (peer - floor);
            let own = if floor > 0.0 { format!(", {own:.2} without {:.0} ns", floor) } else { String::new() };
            let ratio = median / peer;
            println!(
                "{}: {:36} {median:8.1} ns = {ratio:.2} x {}{own}",
                self.name, contender.name, self.peer
            );
        }
    }

    pub(crate) fn bench(&self, criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group(&self.name);
        for contender in self.contenders() {
            group.bench_function(contender.name, |bencher| bencher.iter_custom(&contender.run));
        }
        group.finish();
    }
}

/// One contender alone, as often as it is told.
fn once(cases: &[Case], arguments: &[String]) {
    let [case, contender, rounds] = arguments else { panic!("expected: once CASE CONTENDER ROUNDS") };
    let case = cases.iter().find(|known| known.name == case.as_str()).expect("a known case");
    let contender = case.contenders().into_iter().find(|known| known.name == contender.as_str());
    let rounds = rounds.parse().expect("a number");
    (contender.expect("a known contender").run)(rounds);
}

/// What a bench of these cases does, as it is told.
pub(crate) fn run(cases: &[Case]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "once") {
        return once(cases, &arguments[at + 1..]);
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "ratios") {
        let name = arguments.get(at + 1).map_or("", String::as_str);
        return cases.iter().filter(|case| case.name.contains(name)).for_each(Case::print_ratios);
    }
    cases.iter().for_each(Case::print_ratios);
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases {
        case.bench(&mut criterion);
    }
    criterion.final_summary();
}

fn medians(contenders: &[Contender], rounds: u64) -> Vec<f64> {
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(TURNS); contenders.len()];
    for _ in 0..TURNS {
        for (contender, times) in contenders.iter().zip(&mut times) {
            times.push((contender.run)(rounds));
        }
    }
    let nanoseconds = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[TURNS / 2].as_secs_f64() * 1e9 / rounds as f64
    };
    times.into_iter().map(nanoseconds).collect()
}
