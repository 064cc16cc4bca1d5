//! The state behind `/_control`: the failure in force, and all counters. Shared by server and tests.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::answer::Effect;
use super::chance::Chance;
use super::failure::Failure;
use super::fifo::FifoMap;
use super::options::Shapes;
use super::report::{ControlReport, KeyUse, Outcome, RecordedRequest};

const REMEMBERED_REQUESTS: usize = 256;
/// Shared with the services, so that a key is counted for as long as its answer is remembered.
pub(super) const REMEMBERED_KEYS: usize = 10_000;

/// The control panel of one simulated service, in process. The same things over HTTP: `POST /_control` sets,
/// `GET /_control` reports, `DELETE /_control` heals and forgets.
#[derive(Debug)]
pub struct Control {
    service: &'static str,
    setting: Mutex<Setting>,
    ledger: Mutex<Ledger>,
    chance: Chance,
    changed: Notify,
}

#[derive(Debug)]
struct Setting {
    failure: Option<Failure>,
    shapes: Shapes,
}

#[derive(Debug)]
struct Ledger {
    requests: BTreeMap<(&'static str, Outcome), u64>,
    recent: VecDeque<RecordedRequest>,
    keys: FifoMap<String, KeyUse>,
    arrived: u64,
    in_flight: u64,
    cancelled: u64,
    applied: u64,
    replayed: u64,
    distinct_keys: u64,
    duplicate_keys: u64,
    stopping: bool,
}

impl Control {
    pub(super) fn new(service: &'static str, shapes: Shapes, seed: u64) -> Self {
        Self {
            service,
            setting: Mutex::new(Setting { failure: None, shapes }),
            ledger: Mutex::new(Ledger::new()),
            chance: Chance::new(seed),
            changed: Notify::new(),
        }
    }

    /// Fails from now on as described; replaces what was in force.
    pub fn fail(&self, failure: Failure) {
        self.setting().failure = Some(failure);
    }

    /// Ends the failure in force. Requests that are being failed already stay so.
    pub fn heal(&self) {
        self.setting().failure = None;
    }

    /// Answers in these shapes from now on.
    pub fn shape(&self, shapes: Shapes) {
        self.setting().shapes = shapes;
    }

    /// Heals, and forgets all counters, recorded requests and keys; requests in flight stay counted.
    pub fn reset(&self) {
        self.heal();
        let mut ledger = self.ledger();
        let (in_flight, stopping) = (ledger.in_flight, ledger.stopping);
        *ledger = Ledger { in_flight, stopping, ..Ledger::new() };
        drop(ledger);
        self.changed.notify_waiters();
    }

    /// What the service has seen so far.
    #[must_use]
    pub fn report(&self) -> ControlReport {
        let setting = self.setting();
        let (failure, shapes) = (setting.failure.clone(), setting.shapes);
        drop(setting);
        let ledger = self.ledger();
        let mut requests = BTreeMap::<_, BTreeMap<_, _>>::new();
        for ((template, outcome), count) in &ledger.requests {
            requests.entry(*template).or_default().insert(outcome.name(), *count);
        }
        ControlReport {
            service: self.service,
            failure,
            shapes,
            requests,
            in_flight: ledger.in_flight,
            cancelled: ledger.cancelled,
            applied: ledger.applied,
            replayed: ledger.replayed,
            distinct_keys: ledger.distinct_keys,
            duplicate_keys: ledger.duplicate_keys,
        }
    }

    /// The last requests, oldest first; at most 256.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.ledger().recent.iter().cloned().collect()
    }

    /// What happened under this idempotency key; all zero for an unknown one.
    #[must_use]
    pub fn key(&self, key: &str) -> KeyUse {
        self.ledger().keys.get(key).copied().unwrap_or_default()
    }

    /// The idempotency keys that are remembered (the last 10 000) and their use.
    #[must_use]
    pub fn keys(&self) -> BTreeMap<String, KeyUse> {
        self.ledger().keys.iter().map(|(key, used)| (key.clone(), *used)).collect()
    }

    /// Waits until the report satisfies the condition. Has no limit of its own: wrap it in a timeout.
    pub async fn wait_until(&self, condition: impl Fn(&ControlReport) -> bool) -> ControlReport {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, or a change in between would be missed.
            changed.as_mut().enable();
            let report = self.report();
            if condition(&report) {
                return report;
            }
            changed.await;
        }
    }

    pub(super) fn service(&self) -> &'static str {
        self.service
    }

    /// The failure for this request, if it is to fail, and the shapes in force.
    pub(super) fn draw(&self, path: &str, template: &str) -> (Option<Failure>, Shapes) {
        let mut setting = self.setting();
        let shapes = setting.shapes;
        let chosen = setting.draw(path, template, &self.chance);
        (chosen, shapes)
    }

    pub(super) fn shapes(&self) -> Shapes {
        self.setting().shapes
    }

    pub(super) fn arrive(&self, mut request: RecordedRequest) {
        self.ledger().arrive(&mut request).remember(request);
        self.changed.notify_waiters();
    }

    pub(super) fn take_effect(&self, effect: Effect, key: Option<&str>) {
        self.ledger().take_effect(effect, key);
    }

    pub(super) fn finish(&self, template: &'static str, outcome: Outcome) {
        self.ledger().finish(template, outcome);
        self.changed.notify_waiters();
    }

    /// The client left, or the service is being stopped.
    pub(super) fn abandon(&self, template: &'static str) {
        let stopping = self.ledger().stopping;
        self.finish(template, if stopping { Outcome::Stopped } else { Outcome::Cancelled });
    }

    pub(super) fn set_stopping(&self, stopping: bool) {
        self.ledger().stopping = stopping;
    }

    fn setting(&self) -> MutexGuard<'_, Setting> {
        self.setting.lock().expect("nothing panics while it is held")
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("nothing panics while it is held")
    }
}

impl Setting {
    fn draw(&mut self, path: &str, template: &str, chance: &Chance) -> Option<Failure> {
        let failure = self.failure.as_mut()?;
        if !failure.concerns(path, template) {
            return None;
        }
        if failure.probability < 1.0 && chance.fraction() >= failure.probability {
            return None;
        }
        match failure.times.as_mut() {
            None => Some(failure.clone()),
            Some(0 | 1) => self.failure.take(),
            Some(left) => {
                *left -= 1;
                Some(failure.clone())
            }
        }
    }
}

impl Ledger {
    fn new() -> Self {
        Self {
            requests: BTreeMap::new(),
            recent: VecDeque::new(),
            keys: FifoMap::new(REMEMBERED_KEYS),
            arrived: 0,
            in_flight: 0,
            cancelled: 0,
            applied: 0,
            replayed: 0,
            distinct_keys: 0,
            duplicate_keys: 0,
            stopping: false,
        }
    }

    fn arrive(&mut self, request: &mut RecordedRequest) -> &mut Self {
        self.arrived += 1;
        self.in_flight += 1;
        request.sequence = self.arrived;
        let Some(key) = &request.idempotency_key else {
            return self;
        };
        if let Some(used) = self.keys.get_mut(key) {
            used.requests += 1;
            self.duplicate_keys += 1;
        } else {
            self.keys.insert(key.clone(), KeyUse { requests: 1, applied: 0 });
            self.distinct_keys += 1;
        }
        self
    }

    fn remember(&mut self, request: RecordedRequest) {
        if self.recent.len() == REMEMBERED_REQUESTS {
            self.recent.pop_front();
        }
        self.recent.push_back(request);
    }

    fn take_effect(&mut self, effect: Effect, key: Option<&str>) {
        match effect {
            Effect::Nothing => {}
            Effect::Replayed => self.replayed += 1,
            Effect::Applied => {
                self.applied += 1;
                if let Some(used) = key.and_then(|key| self.keys.get_mut(key)) {
                    used.applied += 1;
                }
            }
        }
    }

    fn finish(&mut self, template: &'static str, outcome: Outcome) {
        *self.requests.entry((template, outcome)).or_default() += 1;
        self.in_flight = self.in_flight.saturating_sub(1);
        self.cancelled += u64::from(outcome == Outcome::Cancelled);
    }
}
