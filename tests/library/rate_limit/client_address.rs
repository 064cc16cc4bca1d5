//! Whose address it is, whatever a client writes.

use std::net::{IpAddr, SocketAddr};

use integridai_tower::rate_limit::{ByClientAddress, Forwarding, KeyBy};
use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1";
const CLIENT: &str = "203.0.113.7";

fn by(forwarding: Forwarding) -> ByClientAddress {
    let by = ByClientAddress::new(|request| request.extensions.get::<SocketAddr>().map(SocketAddr::ip));
    by.behind(["10.0.0.0/8", "fd00::/8", "192.0.2.1"], forwarding).unwrap()
}

/// The request as it arrives from this peer, with these lines.
fn arriving(peer: &str, lines: &[(&str, &[u8])]) -> Request<()> {
    let mut request = Request::get("/").body(()).unwrap();
    request.extensions_mut().insert(SocketAddr::new(peer.parse().unwrap(), 443));
    for (name, value) in lines {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, http::HeaderValue::from_bytes(value).unwrap());
    }
    request
}

type Line = (&'static str, &'static [u8]);

/// From whom it comes, what stands in it, and whose address that is.
type Case = (&'static str, &'static [Line], &'static str);

const X_FORWARDED_FOR: [Case; 29] = [
    // Nobody but the peer is known.
    (CLIENT, &[], CLIENT),
    (PROXY, &[], PROXY),
    // A client that is no proxy may write what it likes.
    (CLIENT, &[("x-forwarded-for", b"6.6.6.6")], CLIENT),
    (CLIENT, &[("x-forwarded-for", b"10.0.0.9")], CLIENT),
    (CLIENT, &[("x-forwarded-for", b"6.6.6.6"), ("x-forwarded-for", b"10.0.0.9")], CLIENT),
    // Through one proxy and through several.
    (PROXY, &[("x-forwarded-for", b"203.0.113.7")], CLIENT),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, 203.0.113.7")], CLIENT),
    (PROXY, &[("x-forwarded-for", b"10.0.0.9, 203.0.113.7, 10.1.1.1")], CLIENT),
    (PROXY, &[("x-forwarded-for", b"203.0.113.7,192.0.2.1,fd00::5")], CLIENT),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6"), ("x-forwarded-for", b"203.0.113.7")], CLIENT),
    (PROXY, &[("x-forwarded-for", b"203.0.113.7"), ("x-forwarded-for", b"10.1.1.1")], CLIENT),
    // A client within the trusted network.
    (PROXY, &[("x-forwarded-for", b"10.9.9.9, 10.1.1.1")], "10.9.9.9"),
    // Other spellings of addresses.
    (PROXY, &[("x-forwarded-for", b"203.0.113.7:51234")], CLIENT),
    (PROXY, &[("x-forwarded-for", b"::ffff:203.0.113.7")], CLIENT),
    (PROXY, &[("x-forwarded-for", b"[2001:db8::1]:443")], "2001:db8::1"),
    ("::ffff:10.0.0.1", &[("x-forwarded-for", b" 203.0.113.7 ,, ")], CLIENT),
    // What cannot be read ends the list: it is the proxy's own then.
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, unknown")], PROXY),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, \xff\xfe")], PROXY),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, 203.0.113.7:x, 10.1.1.1")], "10.1.1.1"),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, 1.2.3.4.5")], PROXY),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, 010.0.0.9")], PROXY),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, 0xa000009")], PROXY),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, fe80::1%eth0")], PROXY),
    (PROXY, &[("x-forwarded-for", b"")], PROXY),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6, 203.0.113.7"), ("x-forwarded-for", b"")], CLIENT),
    // Names are told apart by letters alone, whatever their case.
    (PROXY, &[("X-FORWARDED-FOR", b"203.0.113.7"), ("x-forwarded-for2", b"6.6.6.6")], CLIENT),
    // Fields in which these proxies do not speak.
    (PROXY, &[("forwarded", b"for=6.6.6.6"), ("x-real-ip", b"6.6.6.6")], PROXY),
    (
        PROXY,
        &[("x-forwarded", b"6.6.6.6"), ("client-ip", b"6.6.6.6"), ("cf-connecting-ip", b"6.6.6.6")],
        PROXY,
    ),
    (PROXY, &[("true-client-ip", b"6.6.6.6"), ("x-forwarded-for", b"203.0.113.7")], CLIENT),
];

const FORWARDED: [Case; 21] = [
    (CLIENT, &[("forwarded", b"for=6.6.6.6")], CLIENT),
    (PROXY, &[("forwarded", b"for=203.0.113.7")], CLIENT),
    (PROXY, &[("forwarded", b"FOR=203.0.113.7;proto=https;by=10.0.0.1")], CLIENT),
    (PROXY, &[("forwarded", b"proto=https; for=\"203.0.113.7:4711\"")], CLIENT),
    (PROXY, &[("forwarded", b"for=\"[2001:db8:cafe::17]:4711\"")], "2001:db8:cafe::17"),
    (PROXY, &[("forwarded", b"for=6.6.6.6, for=203.0.113.7, for=10.1.1.1")], CLIENT),
    (PROXY, &[("forwarded", b"for=6.6.6.6"), ("forwarded", b"for=203.0.113.7;host=a")], CLIENT),
    // Whatever the client wrote, what the proxy appended is read as it was meant.
    (PROXY, &[("forwarded", b"for=\"6.6.6.6, for=203.0.113.7")], CLIENT),
    (PROXY, &[("forwarded", b"for=\"6.6.6.6\\, for=203.0.113.7")], CLIENT),
    (PROXY, &[("forwarded", b"host=\", for=10.0.0.9\", for=\"203.0.113.7\"")], CLIENT),
    (PROXY, &[("forwarded", b"for=6.6.6.6;, for=203.0.113.7")], CLIENT),
    (PROXY, &[("forwarded", b",,for=203.0.113.7,,")], CLIENT),
    // Commas and semicolons within quotation marks.
    (PROXY, &[("forwarded", b"for=203.0.113.7;host=\"a, for=6.6.6.6\"")], CLIENT),
    (PROXY, &[("forwarded", b"for=203.0.113.7;host=\"a\\\";for=6.6.6.6\"")], CLIENT),
    // What cannot be read is nobody in particular.
    (PROXY, &[("forwarded", b"for=6.6.6.6, for=unknown")], PROXY),
    (PROXY, &[("forwarded", b"for=6.6.6.6, for=_hidden, for=10.1.1.1")], "10.1.1.1"),
    (PROXY, &[("forwarded", b"for=6.6.6.6, proto=https")], PROXY),
    (PROXY, &[("forwarded", b"for=6.6.6.6;for=203.0.113.7")], PROXY),
    (PROXY, &[("forwarded", b"for=[2001:db8::1]")], PROXY),
    (PROXY, &[("forwarded", b"for=\"203.0.113.7")], PROXY),
    (PROXY, &[("x-forwarded-for", b"6.6.6.6")], PROXY),
];

fn check(forwarding: Forwarding, cases: &[Case]) {
    for (peer, lines, client) in cases {
        let found = by(forwarding).address(&(&arriving(peer, lines)).into()).unwrap();
        assert_eq!(found, client.parse::<IpAddr>().unwrap(), "from {peer}: {lines:?}");
    }
}

#[test]
fn a_client_does_not_choose_its_address_in_x_forwarded_for() {
    check(Forwarding::XForwardedFor, &X_FORWARDED_FOR);
}

#[test]
fn a_client_does_not_choose_its_address_in_forwarded() {
    check(Forwarding::Forwarded, &FORWARDED);
}

#[test]
fn without_proxies_only_the_connection_counts() {
    let by = ByClientAddress::new(|request| request.extensions.get::<SocketAddr>().map(SocketAddr::ip));
    for (peer, lines, _) in X_FORWARDED_FOR.iter().chain(&FORWARDED) {
        let peer: IpAddr = peer.parse().unwrap();
        assert_eq!(by.address(&(&arriving(&peer.to_string(), lines)).into()), Some(peer.to_canonical()));
    }
    assert_eq!(by.key(&(&Request::new(())).into()), None, "no peer, no key");
}

#[test]
fn a_subscriber_has_one_key_for_all_its_addresses() {
    let key = |by: &ByClientAddress, address: &str| by.key(&(&arriving(address, &[])).into()).unwrap();
    let by = ByClientAddress::new(|request| request.extensions.get::<SocketAddr>().map(SocketAddr::ip));
    assert_eq!(key(&by, "2001:db8:1:2::1"), key(&by, "2001:db8:1:2:ffff::9"));
    assert_ne!(key(&by, "2001:db8:1:2::1"), key(&by, "2001:db8:1:3::1"));
    assert_ne!(key(&by, "203.0.113.7"), key(&by, "203.0.113.8"));
    assert_eq!(key(&by, "203.0.113.7"), key(&by, "::ffff:203.0.113.7"));
    let coarse = by.ipv6_prefix(48).unwrap().ipv4_prefix(24).unwrap();
    assert_eq!(key(&coarse, "2001:db8:1:2::1"), key(&coarse, "2001:db8:1:3::1"));
    assert_eq!(key(&coarse, "203.0.113.7"), key(&coarse, "203.0.113.8"));
    assert_ne!(key(&coarse, "203.0.112.7"), key(&coarse, "203.0.113.8"));
    let exact = coarse.ipv6_prefix(128).unwrap();
    assert_ne!(key(&exact, "2001:db8::1"), key(&exact, "2001:db8::2"));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let by = || ByClientAddress::new(|_| None);
    for networks in [&["10.0.0.0/33"][..], &["proxy.example"], &[""], &[]] {
        assert!(by().behind(networks, Forwarding::Forwarded).is_err(), "{networks:?}");
    }
    assert!(by().ipv6_prefix(0).is_err() && by().ipv6_prefix(129).is_err() && by().ipv4_prefix(33).is_err());
}

proptest! {
    #[test]
    fn whatever_a_client_writes_the_proxy_is_believed(
        forged in prop::collection::vec(prop::collection::vec(0x20..=0xff_u8, 0..30), 0..4),
        same_line in any::<bool>(),
    ) {
        let forged: Vec<_> = forged.into_iter().map(|line| line.into_iter().filter(|byte| *byte != 0x7f).collect()).collect();
        for (forwarding, name, appended) in [
            (Forwarding::XForwardedFor, "x-forwarded-for", &b"203.0.113.7"[..]),
            (Forwarding::Forwarded, "forwarded", b"for=\"203.0.113.7\""),
        ] {
            let mut lines: Vec<Vec<u8>> = forged.clone();
            match lines.last_mut().filter(|_| same_line) {
                Some(last) => {
                    last.extend_from_slice(b", ");
                    last.extend_from_slice(appended);
                }
                None => lines.push(appended.to_vec()),
            }
            let lines: Vec<_> = lines.iter().map(|line| (name, &line[..])).collect();
            let found = by(forwarding).address(&(&arriving(PROXY, &lines)).into());
            prop_assert_eq!(found, Some(CLIENT.parse().unwrap()), "{:?}", lines);
        }
    }
}
