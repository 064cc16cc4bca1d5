//! What is compared.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quick_cache::sync::Cache;

use super::exchange::{Urls, Work};
use super::layers::{self, FRESH, STALE};
use super::turns::{Case, Contender, Role};

const MANY: u64 = 100_000;

const HIT: Work = Work { urls: Urls::Known(1), threads: 1, size: 1 << 10, is_stored_each_time: false };

pub(crate) fn all() -> Vec<Case> {
    let case = |name, rounds, make| Case { name, rounds, make };
    vec![
        case("hit, 1 KiB", 200, hit),
        case("hit, 1 MiB", 100, large_hit),
        case("hit, 100 000 URLs", 200, hit_of_many),
        case("miss", 50, miss),
        case("revalidation", 50, revalidation),
        case("two threads, one URL", 200, hit_together),
        case("two threads, 100 000 URLs", 200, hit_of_many_together),
    ]
}

fn hit() -> Vec<Contender> {
    [layers::all(HIT, FRESH), vec![look_up(1)]].into_iter().flatten().collect()
}

fn large_hit() -> Vec<Contender> {
    layers::all(Work { size: 1 << 20, ..HIT }, FRESH)
}

fn hit_of_many() -> Vec<Contender> {
    [layers::all(Work { urls: Urls::Known(MANY), ..HIT }, FRESH), vec![look_up(MANY)]]
        .into_iter()
        .flatten()
        .collect()
}

fn miss() -> Vec<Contender> {
    layers::all(Work { urls: Urls::New, is_stored_each_time: true, ..HIT }, FRESH)
}

fn revalidation() -> Vec<Contender> {
    layers::all(Work { is_stored_each_time: true, ..HIT }, STALE)
}

fn hit_together() -> Vec<Contender> {
    layers::all(Work { threads: 2, ..HIT }, FRESH)
}

fn hit_of_many_together() -> Vec<Contender> {
    layers::all(Work { urls: Urls::Known(MANY), threads: 2, ..HIT }, FRESH)
}

/// In the crate that ours keeps its answers in, by a number.
fn look_up(urls: u64) -> Contender {
    let store: Cache<u128, Arc<[u8; 1 << 10]>> = Cache::new(urls as usize + 1);
    let key = |number: u64| u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (0..urls).for_each(|number| store.insert(key(number), Arc::new([b'a'; 1 << 10])));
    let next = AtomicU64::new(0);
    let run = move |rounds: u64| {
        let keys: Vec<u128> =
            (0..rounds).map(|_| key(next.fetch_add(48_271, Ordering::Relaxed) % urls)).collect();
        let start = Instant::now();
        keys.iter().for_each(|key| drop(black_box(store.get(key))));
        start.elapsed()
    };
    Contender { name: "a look-up in quick_cache", role: Role::Floor, run: Box::new(run) }
}
