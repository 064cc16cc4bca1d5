//! Several replicas at one quota, whatever becomes of their requests, never admit more than they may.

use super::*;

#[derive(Debug, Clone, Copy)]
struct Request {
    pause_us: u64,
    replica: usize,
    cost: u32,
    /// Whether the request has left when Redis answers, and another one finds what it got so much later.
    leaves: Option<u64>,
    /// Whether what has expired is given back before.
    returns: bool,
}

prop_compose! {
    fn request()(
        pause_us in prop_oneof![3 => 0..40_u64, 1 => 0..2500_u64],
        replica in 0..3_usize,
        cost in prop_oneof![4 => Just(1), 1 => 1..4_u32],
        leaves in prop::option::weighted(0.1, 0..3000_u64),
        returns in prop::bool::weighted(0.3),
    ) -> Request {
        Request { pause_us, replica, cost, leaves, returns }
    }
}

const START_US: u64 = 1;

/// What Redis does: GCRA, charged ahead.
struct Store {
    quotas: Arc<Quotas>,
    debts: Debts,
    now_us: u64,
}

impl Store {
    fn pass(&mut self, pause_us: u64) {
        self.now_us += pause_us;
        let passed = self.quotas.paces()[0].ticks(pause_us);
        self.debts[0] = self.debts[0].saturating_sub(passed);
    }

    fn conforms(&self, units: u32) -> Option<(Verdict, Debts)> {
        let mut debts = self.debts;
        let verdict = self.quotas.decide(&mut debts, units, Duration::ZERO);
        verdict.is_admitted().then_some((verdict, debts))
    }

    fn take(&mut self, most: u32, cost: u32) -> Grant {
        let mut times = most;
        while times > 1 && self.conforms(4 * times * cost).is_none() {
            times /= 2;
        }
        let taken = self.conforms(times * cost);
        let refused = Verdict::new(Outcome::Refused { retry_after: Duration::from_micros(300) }, None);
        let (verdict, debts) = taken.unwrap_or((refused, self.debts));
        self.debts = debts;
        let times = if verdict.is_admitted() { times } else { 0 };
        Grant { times, cost, verdict, quotas: Arc::clone(&self.quotas), debts, asked_us: self.now_us }
    }

    fn give(&mut self, charged: Option<Charged>) {
        let ticks = charged.map_or(0, |charged| charged.ticks[0]);
        self.debts[0] = self.debts[0].saturating_sub(ticks);
    }
}

/// When so much was admitted.
type Admitted = Vec<(u64, u32)>;

fn run(quota: &Quota, requests: &[Request]) -> Admitted {
    let quotas = Arc::new(Quotas::new([quota.clone()]).unwrap());
    let mut store = Store { quotas, debts: Debts::default(), now_us: START_US };
    let mut accounts: [Account; 3] = Default::default();
    let mut admitted = Admitted::new();
    for request in requests {
        store.pass(request.pause_us);
        let account = &mut accounts[request.replica];
        if request.returns {
            store.give(account.expire(store.now_us));
        }
        let is_admitted = match account.spend(request.cost, TERMS, store.now_us) {
            Step::Decided(verdict) => verdict.is_admitted(),
            Step::Refill { most } => {
                store.give(account.expire(store.now_us));
                let grant = store.take(most, request.cost);
                store.pass(request.leaves.unwrap_or(0));
                let used = u32::from(request.leaves.is_none());
                account.refilled(grant, used, TERMS, store.now_us).is_admitted() && used == 1
            }
        };
        if is_admitted {
            admitted.push((store.now_us, request.cost));
        }
    }
    admitted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn over_any_stretch_of_time_no_more_is_admitted_than_one_limiter_would_in_it_and_a_lease_before(
        limit in 1..200_u32,
        period_us in 500..20_000_u64,
        burst in 1..100_u32,
        requests in prop::collection::vec(request(), 1..300),
    ) {
        let quota = Quota::new(limit, Duration::from_micros(period_us)).burst(burst);
        let admitted = run(&quota, &requests);
        let pace = Quotas::new([quota]).unwrap().paces()[0];
        let allowed = |time_us: u64| pace.capacity + pace.ticks(time_us);
        let mut since_start = 0;
        for (end, cost) in &admitted {
            since_start += u64::from(*cost);
            prop_assert!(since_start * pace.interval <= allowed(end - START_US), "{since_start} until {end}");
        }
        for (first, (begin, _)) in admitted.iter().enumerate() {
            let mut units = 0;
            for (end, cost) in &admitted[first..] {
                units += u64::from(*cost);
                let allowed = allowed(end - begin + TERMS.time_us);
                prop_assert!(units * pace.interval <= allowed, "{units} from {begin} to {end}");
            }
        }
    }
}
