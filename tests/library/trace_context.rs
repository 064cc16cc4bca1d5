//! W3C Trace Context level 2 and Baggage, case by case.

use std::convert::Infallible;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use integridai_tower::correlation::{
    BAGGAGE, Baggage, CorrelationLayer, TRACEPARENT, TRACESTATE, TraceContext, TraceFlags, TraceState,
};
use tower::{Layer, ServiceExt};

use crate::support::probe::Probe;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn headers(fields: &[(HeaderName, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn parent(values: &[String]) -> Option<TraceContext> {
    let fields: Vec<_> = values.iter().map(|value| (TRACEPARENT, value.clone())).collect();
    TraceContext::from_headers(&headers(&fields))
}

/// `T` and `S` stand for the two ids.
fn spelled(value: &str) -> String {
    value.replace('T', TRACE).replace('S', SPAN)
}

const VALID_PARENTS: [(&str, u8); 18] = [
    ("00-T-S-00", 0),
    ("00-T-S-01", 1),
    ("00-T-S-02", 2),
    ("00-T-S-03", 3),
    ("00-T-S-04", 0),
    ("00-T-S-09", 1),
    ("00-T-S-ff", 3),
    (" 00-T-S-01", 1),
    ("00-T-S-01\t", 1),
    ("\t 00-T-S-01 \t", 1),
    ("01-T-S-01", 1),
    ("01-T-S-01-", 1),
    ("cc-T-S-01", 1),
    ("cc-T-S-01-what-the-future-will-be-like", 1),
    ("cc-T-S-ff-WHAT the, future", 3),
    ("fe-T-S-00", 0),
    ("00-00000000000000000000000000000001-S-01", 1),
    ("00-T-0000000000000001-01", 1),
];

const INVALID_PARENTS: [&str; 43] = [
    "",
    " ",
    "00",
    "00-T-S",
    "00-T-S-",
    "00-T-S-0",
    "00-T-S-1",
    "00-T-S-001",
    "00-T-S-.0",
    "00-T-S-0.",
    "00-T-S-0A",
    "00-T-S-01.",
    "00-T-S-01-",
    "00-T-S-01-what-the-future-will-be-like",
    "00-T-S-01,00-T-S-01",
    "01-T-S-01.what-the-future-will-be-like",
    "01-T-S-011",
    "cc-T-S-0",
    "cc-T-S-0-1",
    "ff-T-S-01",
    "ff-T-S-01-more",
    "FE-T-S-01",
    "0-T-S-01",
    "000-T-S-01",
    "0000-T-S-01",
    ".0-T-S-01",
    "0.-T-S-01",
    "T-S-01",
    "00_T_S_01",
    "00-T-S.01",
    "00-00000000000000000000000000000000-S-01",
    "00-T-0000000000000000-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-S-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473-S-01",
    "00-4bf92f3577b34da6a3ce929d0e0e47361-S-01",
    "00-.bf92f3577b34da6a3ce929d0e0e4736-S-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473g-S-01",
    "00-T-00F067AA0BA902B7-01",
    "00-T-00f067aa0ba902b-01",
    "00-T-00f067aa0ba902b71-01",
    "00-T-00f067aa0ba902b.-01",
    "00 - T - S - 01",
    "00-T-S-01 00",
];

#[test]
fn each_valid_traceparent_is_read_and_printed_as_version_00() {
    for (value, flags) in VALID_PARENTS {
        let context = parent(&[spelled(value)]).unwrap_or_else(|| panic!("{value:?} is valid"));
        assert_eq!(context.flags(), TraceFlags::from_bits(flags), "{value:?}");
        let ids = spelled(value.trim_ascii())[3..52].to_owned();
        assert_eq!(context.to_string(), format!("00-{ids}-{flags:02x}"), "{value:?}");
    }
}

#[test]
fn no_invalid_traceparent_is_read() {
    for value in INVALID_PARENTS {
        assert_eq!(parent(&[spelled(value)]), None, "{value:?}");
        assert!(spelled(value).parse::<TraceContext>().is_err(), "{value:?}");
    }
    assert_eq!(parent(&[]), None);
    let valid = spelled("00-T-S-01");
    assert_eq!(parent(&[valid.clone(), valid.clone()]), None, "not even the same twice");
    assert_eq!(parent(&[String::new(), valid]), None);
    let foreign = headers(&[(TRACEPARENT, format!("00-{TRACE}-{SPAN}-0\u{e9}"))]);
    assert_eq!(TraceContext::from_headers(&foreign), None);
}

/// The fields of a request, and what is kept of them.
const STATES: [(&[&str], &str); 41] = [
    (&[""], ""),
    (&[" \t"], ""),
    (&[","], ""),
    (&["foo=1"], "foo=1"),
    (&["foo=1,bar=2"], "foo=1,bar=2"),
    (&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
    (&["\t foo=1 \t"], "foo=1"),
    (&["foo=1,,bar=2, ,"], "foo=1,bar=2"),
    (&["foo=1", ""], "foo=1"),
    (&["", "foo=1"], "foo=1"),
    (&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
    (&["foo=1,foo=1"], "foo=1"),
    (&["foo=1,bar=2,foo=3"], "foo=1,bar=2"),
    (&["foo=1", "foo=2"], "foo=1"),
    (&["foo=  two  spaces "], "foo=  two  spaces"),
    (&["0digit=1"], "0digit=1"),
    (&["t1@s1=1"], "t1@s1=1"),
    (&["0t@s=1"], "0t@s=1"),
    (&["a@b@c=1"], "a@b@c=1"),
    (&["a@@b=1"], "a@@b=1"),
    (&["a@=1"], "a@=1"),
    (&["a_-*/z=1"], "a_-*/z=1"),
    (&["k= !\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"], "k= !\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"),
    (&["@foo=1,bar=2"], ""),
    (&["_foo=1,bar=2"], ""),
    (&["foo =1"], ""),
    (&["FOO=1"], ""),
    (&["fOo=1"], ""),
    (&["foo.bar=1"], ""),
    (&["foo\u{e9}=1"], ""),
    (&["foo"], ""),
    (&["=1"], ""),
    (&["="], ""),
    (&["foo="], ""),
    (&["foo= "], ""),
    (&["foo=,bar=3"], ""),
    (&["foo=bar=baz"], ""),
    (&["foo=a\tb"], ""),
    (&["foo=\u{e9}"], ""),
    (&["foo=1", "BAR=2"], ""),
    (&["foo=1;bar"], "foo=1;bar"),
];

/// Those, and the ones that are too long to be spelled.
fn states() -> Vec<(Vec<String>, String)> {
    let many = |count: usize| (1..=count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let long = |length: usize| "z".repeat(length);
    let fixed =
        STATES.map(|(fields, kept)| (fields.iter().map(ToString::to_string).collect(), kept.to_owned()));
    let mut states: Vec<_> = fixed.into();
    states.extend([
        (vec![many(32)], many(32)),
        (vec![many(33)], String::new()),
        (vec![many(16), many(32).replace("k", "j")], String::new()),
        (vec![format!("{}=1", long(256))], format!("{}=1", long(256))),
        (vec![format!("{}=1", long(257))], String::new()),
        (vec![format!("k={}", long(256))], format!("k={}", long(256))),
        (vec![format!("k={}", long(257))], String::new()),
        // 512 characters fit; of more, members above 128 characters go first, then those at the end.
        (vec![format!("a={},b={}", long(253), long(254))], format!("a={},b={}", long(253), long(254))),
        (vec![format!("a={},b={},c=1", long(253), long(254))], format!("a={},c=1", long(253))),
        (vec![format!("{}={}", long(256), long(256))], String::new()),
        (
            vec![format!("a={0},b={0},c={0},d={0},e={0}", long(120))],
            format!("a={0},b={0},c={0},d={0}", long(120)),
        ),
    ]);
    states
}

#[test]
fn each_tracestate_keeps_what_it_should() {
    for (fields, kept) in states() {
        let fields: Vec<_> = fields.into_iter().map(|value| (TRACESTATE, value)).collect();
        let headers = headers(&fields);
        assert_eq!(TraceState::from_headers(&headers).as_str(), kept, "{fields:?}");
    }
}

#[test]
fn a_change_of_the_state_comes_first_and_keeps_the_order_of_the_rest() {
    let state: TraceState = "a=1,b=2,c=3".parse().unwrap();
    assert_eq!(state.with("b", "4").unwrap().as_str(), "b=4,a=1,c=3");
    assert_eq!(state.with("new", " x").unwrap().value("new"), Some(" x"));
    for (key, value) in
        [("", "1"), ("A", "1"), ("a", ""), ("a", "1,b=2"), ("a=b", "1"), ("a", "\u{e9}"), ("a,b", "1")]
    {
        assert!(state.with(key, value).is_err(), "{key}={value}");
    }
}

#[test]
fn a_change_of_the_state_stays_and_what_is_older_makes_room_for_it() {
    let others: Vec<String> = (0..4).map(|n| format!("k{n}={}", "v".repeat(97))).collect();
    let state: TraceState = others.join(",").parse().unwrap();
    let own = "o".repeat(200);
    let changed = state.with("own", &own).unwrap();
    assert_eq!(changed.to_string(), format!("own={own},{},{},{}", others[0], others[1], others[2]));
    assert!(state.with(&"k".repeat(256), &own.repeat(2)[..256]).is_err(), "513 characters alone");
}

async fn keep(request: Request<()>) -> Result<Response<Request<()>>, Infallible> {
    Ok(Response::new(request))
}

/// The request as the inner service gets it.
async fn passed(layer: CorrelationLayer, fields: &[(HeaderName, String)]) -> Request<()> {
    let mut request = Request::new(());
    *request.headers_mut() = headers(fields);
    layer.layer(Probe::new(keep)).oneshot(request).await.unwrap().into_body()
}

#[tokio::test]
async fn a_request_is_a_new_operation_in_the_trace_of_its_caller() {
    let fields = [(TRACEPARENT, spelled("00-T-S-01")), (TRACESTATE, "v=1".to_owned())];
    let request = passed(CorrelationLayer::new().trace_context(), &fields).await;
    let context = request.extensions().get::<TraceContext>().unwrap();
    assert_eq!(
        (context.trace_id().to_string(), context.parent_id().unwrap().to_string()),
        (TRACE.into(), SPAN.into())
    );
    assert_ne!(context.span_id().to_string(), SPAN);
    assert_eq!((context.flags(), context.state().as_str()), (TraceFlags::SAMPLED, "v=1"));
    assert!(passed(CorrelationLayer::new(), &fields).await.extensions().get::<TraceContext>().is_none());
}

#[tokio::test]
async fn an_invalid_traceparent_starts_a_trace_and_drops_the_state() {
    let layer = CorrelationLayer::new().trace_context();
    let valid = (TRACEPARENT, spelled("00-T-S-01"));
    let state = (TRACESTATE, "v=1".to_owned());
    for fields in [
        vec![state.clone()],
        vec![(TRACEPARENT, spelled("ff-T-S-01")), state.clone()],
        vec![valid.clone(), valid, state],
    ] {
        let request = passed(layer.clone(), &fields).await;
        let context = request.extensions().get::<TraceContext>().unwrap();
        assert_ne!(context.trace_id().to_string(), TRACE);
        assert_eq!((context.parent_id(), context.flags()), (None, TraceFlags::RANDOM));
        assert!(context.state().is_empty());
        assert!(!request.headers().contains_key(TRACEPARENT) && !request.headers().contains_key(TRACESTATE));
    }
    let request = passed(layer.sample_by(|head| head.uri.path() == "/"), &[]).await;
    assert_eq!(request.extensions().get::<TraceContext>().unwrap().flags().bits(), 3);
}

#[tokio::test]
async fn baggage_is_read_when_told_to() {
    let fields = [(BAGGAGE, "a=1".to_owned()), (BAGGAGE, "b=2".to_owned())];
    let request = passed(CorrelationLayer::new().baggage(), &fields).await;
    assert_eq!(request.extensions().get::<Baggage>().unwrap().as_str(), "a=1,b=2");
    for (layer, fields) in [(CorrelationLayer::new(), &fields[..]), (CorrelationLayer::new().baggage(), &[])]
    {
        assert!(passed(layer, fields).await.extensions().get::<Baggage>().is_none());
    }
}

#[test]
fn each_baggage_keeps_what_it_should() {
    let cases: [(&[&str], &str); 18] = [
        (&[""], ""),
        (
            &["userId=alice,serverNode=DF%2028,isProduction=false"],
            "userId=alice,serverNode=DF%2028,isProduction=false",
        ),
        (
            &["userId =   alice", "serverNode = DF%2028, isProduction = false"],
            "userId=alice,serverNode=DF%2028,isProduction=false",
        ),
        (&["key1=value1;property1;property2, key2 = value2"], "key1=value1;property1;property2,key2=value2"),
        (&["key3=value3; propertyKey=propertyValue"], "key3=value3;propertyKey=propertyValue"),
        (&["k=v \t; p \t=\t q ;r "], "k=v;p=q;r"),
        (&["k=a=b=c"], "k=a=b=c"),
        (&["k="], "k="),
        (&["k=1,k=2"], "k=1,k=2"),
        (&["K=1,!#$%&'*+-.^_`|~=2"], "K=1,!#$%&'*+-.^_`|~=2"),
        (&["novalue,a=1"], "a=1"),
        (&["=1,a=1"], "a=1"),
        (&["a b=1,a=1"], "a=1"),
        (&["a=\"1\",b=2"], "b=2"),
        (&["a=1 2,b=2"], "b=2"),
        (&["a=\\,b=2"], "b=2"),
        (&["a=1;,b=2"], "b=2"),
        (&["a=\u{e9},b(=1,c=3"], "c=3"),
    ];
    for (fields, kept) in cases {
        let fields: Vec<_> = fields.iter().map(|value| (BAGGAGE, (*value).to_owned())).collect();
        assert_eq!(Baggage::from_headers(&headers(&fields)).as_str(), kept, "{fields:?}");
    }
}

#[test]
fn baggage_has_room_for_64_members_and_8192_bytes() {
    let kept = |text: String| Baggage::from_headers(&headers(&[(BAGGAGE, text)]));
    let many = |count: usize| (1..=count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    assert_eq!(kept(many(64)).members().count(), 64);
    assert_eq!(kept(many(65)).as_str(), many(64));
    let full = format!("k={}", "v".repeat(8190));
    assert_eq!(kept(full.clone()).as_str(), full);
    assert_eq!(kept(format!("{full},l=1")).as_str(), full);
    assert_eq!(kept(format!("l=1,{full},m=2")).as_str(), "l=1,m=2", "no part of a member is passed on");
    assert!(kept(full).with("l", "1").is_err() && kept(many(64)).with("l", "1").is_err());
    assert!(many(65).parse::<Baggage>().is_err() && "a b=1".parse::<Baggage>().is_err());
}

#[test]
fn values_of_baggage_are_decoded_and_properties_kept() {
    let baggage: Baggage = "a=%C3%B1and%C3%BA+1;p=%20;q,b=100%,c=%ff%zz%4".parse().unwrap();
    let members: Vec<_> =
        baggage.members().map(|member| (member.key(), member.value().into_owned())).collect();
    assert_eq!(members, [("a", "ñandú+1".into()), ("b", "100%".into()), ("c", "\u{fffd}%zz%4".into())]);
    let properties: Vec<_> = baggage.members().next().unwrap().properties().collect();
    assert_eq!(properties, [("p", Some(" ".into())), ("q", None)]);
    assert_eq!(
        baggage.without("a").with("d", "ñ;,\" %").unwrap().as_str(),
        "b=100%,c=%ff%zz%4,d=%C3%B1%3B%2C%22%20%25"
    );
    assert!(!format!("{baggage:?}").contains("and") && format!("{baggage:?}").contains("\"a\""));
}
