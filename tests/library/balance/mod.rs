//! Balancing over simulated replicas in paused time, over probes, and over real sockets.

mod changes;
mod contract;
mod outliers;
mod replica;
mod sockets;
mod tail;

use std::convert::Infallible;
use std::time::Duration;

use futures_util::FutureExt;
use http::uri::Authority;
use http::{Request, Response};
use integridai_tower::client::Outcome;
use integridai_tower::client::balance::{
    AddressSnapshot, AddressState, AtAddress, BalanceOptions, Balancer, HealthOptions, Load,
};
use tower::{Service, ServiceExt, service_fn};

use self::replica::{DOWN, Replica};
use crate::endpoint::{Answer, Broken};

const MS: Duration = Duration::from_millis(1);

fn request() -> Request<()> {
    Request::get("http://library/thing").body(()).unwrap()
}

/// Replicas that take 10 ms, and the balancer of their numbers.
fn replicas(count: usize, options: &BalanceOptions) -> (Vec<Replica>, Balancer<usize, Replica>) {
    let replicas: Vec<Replica> = (0..count).map(|_| Replica::new(10 * MS)).collect();
    let all = replicas.clone();
    let balancer =
        options.clone().seed(1).build("library", 0..count, move |index| all[*index].clone()).unwrap();
    (replicas, balancer)
}

/// One after the other.
async fn ask(balancer: &Balancer<usize, Replica>, times: usize) -> Vec<Result<u16, Broken>> {
    let mut answers = Vec::new();
    for _ in 0..times {
        let answer = balancer.service().oneshot(request()).await;
        answers.push(answer.map(|answer| answer.status().as_u16()));
    }
    answers
}

fn states(balancer: &Balancer<usize, Replica>) -> Vec<AddressState> {
    balancer.snapshot().into_iter().map(|address| address.state).collect()
}

fn calls(replicas: &[Replica]) -> Vec<usize> {
    replicas.iter().map(Replica::calls).collect()
}

#[tokio::test(start_paused = true)]
async fn one_address_behaves_as_the_service_that_stands_there_alone() {
    let (replicas, balancer) = replicas(1, &BalanceOptions::new().eject_at_most(1.0).panic_below(1.0));
    for status in [200, 404, 500, 503, 429] {
        replicas[0].answers(status);
        assert_eq!(ask(&balancer, 20).await, vec![Ok(status); 20]);
    }
    replicas[0].answers(DOWN);
    assert_eq!(ask(&balancer, 20).await, [Err(Broken); 20]);
    let snapshot = balancer.snapshot();
    let AddressSnapshot { address, state, pending, calls, failures, ejections, .. } = snapshot[0].clone();
    assert_eq!((address, state, pending, calls), (0, AddressState::Available, 0, 120));
    assert_eq!((failures, ejections), (60, 0), "429 is no failure of the address");
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_are_spread_over_all() {
    for load in [Load::PendingRequests, Load::PeakEwma] {
        let (replicas, balancer) = replicas(4, &BalanceOptions::new().load(load));
        let mut calls: Vec<_> = (0..40).map(|_| balancer.service().oneshot(request()).boxed()).collect();
        calls.iter_mut().for_each(|call| assert!(call.now_or_never().is_none()));
        let pending: Vec<usize> = balancer.snapshot().iter().map(|address| address.pending).collect();
        assert!(pending.iter().all(|pending| (7..=13).contains(pending)), "{load:?} {pending:?}");
        for call in calls {
            call.await.unwrap();
        }
        assert!(balancer.snapshot().iter().all(|address| address.pending == 0));
        assert_eq!(self::calls(&replicas).iter().sum::<usize>(), 40);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_gets_little_and_is_tried_again() {
    let (replicas, balancer) = replicas(3, &BalanceOptions::new());
    replicas[2].takes(500 * MS);
    ask(&balancer, 1000).await;
    let calls = calls(&replicas);
    assert!(calls[2] <= 2 && calls[0] > 300 && calls[1] > 300, "{calls:?}");
    assert!(balancer.snapshot()[2].usual_time.unwrap() > 100 * MS);
    replicas[2].takes(MS);
    ask(&balancer, 10_000).await;
    assert!(self::calls(&replicas)[2] > 1000, "it is as fast as the others now");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_fails_at_once_draws_no_calls() {
    let (replicas, balancer) =
        replicas(3, &BalanceOptions::new().no_consecutive_failures().no_success_rate());
    replicas[0].takes(Duration::ZERO);
    replicas[0].answers(500);
    ask(&balancer, 1000).await;
    let calls = calls(&replicas);
    assert!(calls[0] <= 10, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_no_longer_under_way_and_has_taken_that_long() {
    let (replicas, balancer) = replicas(2, &BalanceOptions::new());
    replicas[1].takes(Duration::from_secs(3600));
    for _ in 0..100 {
        let call = balancer.service().oneshot(request());
        drop(tokio::time::timeout(2000 * MS, call).await);
    }
    let snapshot = balancer.snapshot();
    assert!(snapshot.iter().all(|address| address.pending == 0));
    assert!(calls(&replicas)[1] <= 3, "{snapshot:?}");
    assert_eq!((snapshot[1].failures, snapshot[1].state), (0, AddressState::Available));
}

#[tokio::test(start_paused = true)]
async fn a_second_try_goes_elsewhere_while_the_first_is_under_way() {
    for count in 2..5 {
        let (_, balancer) = replicas(count, &BalanceOptions::new());
        ask(&balancer, 50).await;
        let under_way = |balancer: &Balancer<usize, Replica>| -> Vec<usize> {
            balancer.snapshot().iter().map(|address| address.pending).collect()
        };
        for _ in 0..50 {
            let mut first = balancer.service().oneshot(request()).boxed();
            assert!((&mut first).now_or_never().is_none());
            let mut second = balancer.service().oneshot(request()).boxed();
            assert!((&mut second).now_or_never().is_none());
            let pending = under_way(&balancer);
            assert!(pending.iter().all(|pending| *pending <= 1), "{pending:?}");
            drop(first);
            second.await.unwrap();
        }
        assert_eq!(under_way(&balancer).iter().sum::<usize>(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_counts_as_a_failure_is_yours_to_say() {
    let (replicas, balancer) = replicas(2, &BalanceOptions::new().consecutive_failures(2));
    replicas[0].answers(404);
    let classify = |result: Result<&Answer, &Broken>| match result {
        Ok(answer) if answer.status() == 404 => Outcome::Failure,
        _ => Outcome::Success,
    };
    let service = balancer.service().classify(classify);
    // The other one is asked when this one is not, so it takes a while until it has failed twice.
    replicas[1].takes(5000 * MS);
    for _ in 0..20 {
        service.clone().oneshot(request()).await.unwrap();
    }
    assert!(matches!(states(&balancer)[0], AddressState::Ejected { .. }), "{balancer:?}");
}

#[test]
fn a_setting_that_cannot_work_is_found_when_the_balancer_is_built() {
    let options = BalanceOptions::new;
    let day = Duration::from_secs(86_401);
    for (options, setting) in [
        (options().decay(Duration::ZERO), "decay"),
        (options().failure_counts_as(day), "failure_counts_as"),
        (options().consecutive_failures(0), "consecutive_failures"),
        (options().success_rate(Duration::ZERO, 1, 5, 1.9), "success_rate"),
        (options().success_rate(MS, 1, 1, 1.9), "success_rate"),
        (options().success_rate(MS, 1, 5, f64::NAN), "success_rate"),
        (options().eject_for(Duration::ZERO), "eject_for"),
        (options().eject_for_at_most(day), "eject_for_at_most"),
        (options().eject_at_most(1.1), "eject_at_most"),
        (options().panic_below(f64::NAN), "panic_below"),
    ] {
        let error = options.build("x", [0], |_| Replica::new(MS)).unwrap_err();
        assert_eq!(error.setting(), setting);
    }
    assert_eq!(options().build("x", [0; 0], |_| Replica::new(MS)).unwrap_err().setting(), "addresses");
    let (_, balancer) = replicas(1, &options());
    let health = HealthOptions::new;
    for (options, setting) in [
        (health().interval(Duration::ZERO), "interval"),
        (health().timeout(day), "timeout"),
        (health().rise(0), "rise"),
        (health().fall(0), "fall"),
        (health().jitter(1.5), "jitter"),
    ] {
        let error = balancer.check_health(options, |_| request()).unwrap_err();
        assert_eq!(error.setting(), setting);
    }
}

#[tokio::test]
async fn a_request_goes_to_the_address_and_keeps_its_host() {
    let seen = service_fn(async |request: Request<()>| {
        let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        Ok::<_, Infallible>((request.uri().to_string(), host))
    });
    let at = AtAddress::new(seen, Authority::from_static("10.0.0.1:8080"));
    for (target, host, uri, seen_host) in [
        ("http://billing/a?b=c", None, "http://10.0.0.1:8080/a?b=c", Some("billing")),
        ("http://billing:80/", None, "http://10.0.0.1:8080/", Some("billing")),
        ("https://u:p@billing:8443", None, "https://10.0.0.1:8080/", Some("billing:8443")),
        ("http://[::1]:80/a", None, "http://10.0.0.1:8080/a", Some("[::1]")),
        ("http://billing/", Some("other"), "http://10.0.0.1:8080/", Some("other")),
        ("/health", None, "http://10.0.0.1:8080/health", None),
    ] {
        let mut request = Request::get(target).body(()).unwrap();
        if let Some(host) = host {
            request.headers_mut().insert("host", host.parse().unwrap());
        }
        let found = at.clone().oneshot(request).await.unwrap();
        assert_eq!(found, (uri.to_owned(), seen_host.map(ToOwned::to_owned)), "{target}");
    }
}
