//! Every order in which two threads can take their steps, by loom.

use std::time::Duration;

use loom::thread;

use super::super::*;
use crate::Clock;

fn limiter(limit: u32) -> MemoryLimiter {
    let clock = Clock::stopped(Duration::from_secs(1));
    MemoryLimiterOptions::new().clock(clock).max_keys(2).build([Quota::per_hour(limit)]).unwrap()
}

fn admits(limiter: &MemoryLimiter) -> u32 {
    limiter.check(&Key::from("k")).is_admitted().into()
}

fn remaining(limiter: &MemoryLimiter) -> u32 {
    limiter.inspect(&Key::from("k")).standing().unwrap().remaining
}

#[test]
fn threads_together_get_no_more_than_one_would() {
    loom::model(|| {
        let limiter = limiter(3);
        let asking = limiter.clone();
        let other = thread::spawn(move || admits(&asking) + admits(&asking));
        let here = admits(&limiter) + admits(&limiter);
        assert_eq!(here + other.join().unwrap(), 3);
    });
}

#[test]
fn quotas_that_change_meanwhile_forget_no_charge() {
    loom::model(|| {
        let limiter = limiter(3);
        let setting = limiter.clone();
        let sets = thread::spawn(move || setting.set_quotas([Quota::per_hour(9).named("hour")]).unwrap());
        let admitted = admits(&limiter);
        sets.join().unwrap();
        assert_eq!(admitted + remaining(&limiter), 9);
    });
}

#[test]
fn of_two_who_set_quotas_one_has_the_last_word_everywhere() {
    loom::model(|| {
        let limiter = limiter(3);
        let setting = limiter.clone();
        let sets = thread::spawn(move || setting.set_quotas([Quota::per_hour(5)]).unwrap());
        limiter.set_quotas([Quota::per_hour(7)]).unwrap();
        sets.join().unwrap();
        assert_eq!(limiter.quotas().as_slice()[0].limit(), remaining(&limiter));
    });
}

#[test]
fn what_is_given_back_is_given_back_once() {
    loom::model(|| {
        let limiter = limiter(2);
        assert_eq!(admits(&limiter), 1);
        let giving = limiter.clone();
        let gives = thread::spawn(move || giving.give_back(&Key::from("k"), 1));
        let admitted = admits(&limiter);
        gives.join().unwrap();
        assert_eq!(admitted + remaining(&limiter), 2);
    });
}
