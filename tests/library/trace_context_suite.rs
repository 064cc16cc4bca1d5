//! The cases of the W3C's own test suite for Trace Context, over both layers: a service that is asked and calls another.
//!
//! The suite is of level 1 where keys of `tracestate` are concerned: `tenant@system` is no longer a grammar of its own.

use std::collections::BTreeSet;
use std::convert::Infallible;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use integridai_tower::correlation::{CorrelationLayer, PropagateLayer, TraceContext};
use tower::{Layer, ServiceExt, service_fn};

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";
const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-00";

type Fields<'a> = &'a [(&'a str, &'a str)];

async fn called(request: Request<()>) -> Result<Response<HeaderMap>, Infallible> {
    Ok(Response::new(request.into_parts().0.headers))
}

/// What a service with both layers sends in its calls when it is asked with these fields.
async fn calls(fields: Fields<'_>, count: usize) -> Vec<HeaderMap> {
    let mut request = Request::new(());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    let client = PropagateLayer::new().operation_per_call().layer(service_fn(called));
    let service = service_fn(async |_| {
        let mut sent = Vec::new();
        for _ in 0..count {
            sent.push(client.clone().oneshot(Request::new(())).await?.into_body());
        }
        Ok::<_, Infallible>(Response::new(sent))
    });
    CorrelationLayer::new().trace_context().layer(service).oneshot(request).await.unwrap().into_body()
}

/// The trace that a call is part of, where its `traceparent` is a single valid one, and its `tracestate`.
async fn sent(fields: Fields<'_>) -> (TraceContext, String) {
    let headers = calls(fields, 1).await.remove(0);
    assert_eq!(headers.get_all("traceparent").iter().count(), 1, "{fields:?}");
    let context = TraceContext::from_headers(&headers).expect("it is valid");
    assert_ne!(context.span_id().to_string(), SPAN, "{fields:?}");
    let state = headers.get("tracestate").map_or("", |state| state.to_str().unwrap());
    (context, state.to_owned())
}

/// Name and value of `traceparent`, and whether the trace goes on. `T` and `S` stand for the two ids.
const PARENTS: [(&str, &str, bool); 45] = [
    ("traceparent", "00-T-S-01", true),
    ("trace-parent", "00-T-S-01", false),
    ("trace.parent", "00-T-S-01", false),
    ("TraceParent", "00-T-S-01", true),
    ("TrAcEpArEnT", "00-T-S-01", true),
    ("TRACEPARENT", "00-T-S-01", true),
    ("traceparent", "00-T-S-01.", false),
    ("traceparent", "00-T-S-01-what-the-future-will-be-like", false),
    ("traceparent", "cc-T-S-01", true),
    ("traceparent", "cc-T-S-01-what-the-future-will-be-like", true),
    ("traceparent", "cc-T-S-01.what-the-future-will-be-like", false),
    ("traceparent", "ff-T-S-01", false),
    ("traceparent", ".0-T-S-01", false),
    ("traceparent", "0.-T-S-01", false),
    ("traceparent", "000-T-S-01", false),
    ("traceparent", "0000-T-S-01", false),
    ("traceparent", "0-T-S-01", false),
    ("traceparent", "00-00000000000000000000000000000000-S-01", false),
    ("traceparent", "00-.2345678901234567890123456789012-S-01", false),
    ("traceparent", "00-1234567890123456789012345678901.-S-01", false),
    ("traceparent", "00-123456789012345678901234567890123-S-01", false),
    ("traceparent", "00-1234567890123456789012345678901-S-01", false),
    ("traceparent", "00-T-0000000000000000-01", false),
    ("traceparent", "00-T-.234567890123456-01", false),
    ("traceparent", "00-T-123456789012345.-01", false),
    ("traceparent", "00-T-12345678901234567-01", false),
    ("traceparent", "00-T-123456789012345-01", false),
    ("traceparent", "00-T-S-.0", false),
    ("traceparent", "00-T-S-0.", false),
    ("traceparent", "00-T-S-001", false),
    ("traceparent", "00-T-S-1", false),
    ("traceparent", " 00-T-S-01", true),
    ("traceparent", "\t00-T-S-01", true),
    ("traceparent", "00-T-S-01 ", true),
    ("traceparent", "00-T-S-01\t", true),
    ("traceparent", "\t 00-T-S-01 \t", true),
    // Not in the suite.
    ("traceparent", "00-T-S-00", true),
    ("traceparent", "00-T-S-02", true),
    ("traceparent", "00-T-S-03", true),
    ("traceparent", "00-T-S-ff", true),
    ("traceparent", "cc-T-S-ff", true),
    ("traceparent", "", false),
    ("traceparent", "00-T-S-FF", false),
    ("traceparent", "fe-T-S-01", true),
    ("traceparent", "FF-T-S-01", false),
];

#[tokio::test]
async fn each_traceparent_of_the_suite_goes_on_or_starts_anew() {
    for (name, value, goes_on) in PARENTS {
        let value = value.replace('T', TRACE).replace('S', SPAN);
        let (context, _) = sent(&[(name, &value)]).await;
        assert_eq!(context.trace_id().to_string() == TRACE, goes_on, "{name}: {value:?}");
    }
    assert_ne!(sent(&[]).await.0.trace_id().to_string(), TRACE);
    let other = VALID.replace("012-", "011-");
    let (context, _) = sent(&[("traceparent", &other), ("traceparent", VALID)]).await;
    assert!(!context.trace_id().to_string().starts_with("123456789012345678901234567890"));
}

/// Fields of `tracestate`, and what is sent on of them.
const STATES: [(Fields<'static>, &str); 33] = [
    (&[("tracestate", "foo=1,bar=2")], "foo=1,bar=2"),
    (&[("trace-state", "foo=1")], ""),
    (&[("trace.state", "foo=1")], ""),
    (&[("TraceState", "foo=1")], "foo=1"),
    (&[("TrAcEsTaTe", "foo=1")], "foo=1"),
    (&[("TRACESTATE", "foo=1")], "foo=1"),
    (&[("tracestate", "")], ""),
    (&[("tracestate", "foo=1"), ("tracestate", "")], "foo=1"),
    (&[("tracestate", ""), ("tracestate", "foo=1")], "foo=1"),
    (
        &[("tracestate", "foo=1,bar=2"), ("tracestate", "rojo=1,congo=2"), ("tracestate", "baz=3")],
        "foo=1,bar=2,rojo=1,congo=2,baz=3",
    ),
    // The suite has had it both ways: the state is discarded, or kept without or with the second of them.
    (&[("tracestate", "foo=1,foo=1")], "foo=1"),
    (&[("tracestate", "foo=1,foo=2")], "foo=1"),
    (&[("tracestate", "foo=1"), ("tracestate", "foo=1")], "foo=1"),
    (&[("tracestate", "foo=1"), ("tracestate", "foo=2")], "foo=1"),
    (&[("tracestate", "foo=1 \t , \t bar=2, \t baz=3")], "foo=1,bar=2,baz=3"),
    (&[("tracestate", "foo=1\t \t,\t \tbar=2,\t \tbaz=3")], "foo=1,bar=2,baz=3"),
    (&[("tracestate", " foo=1")], "foo=1"),
    (&[("tracestate", "\tfoo=1")], "foo=1"),
    (&[("tracestate", "foo=1 ")], "foo=1"),
    (&[("tracestate", "foo=1\t")], "foo=1"),
    (&[("tracestate", "\t foo=1 \t")], "foo=1"),
    (&[("tracestate", "foo =1")], ""),
    (&[("tracestate", "FOO=1")], ""),
    (&[("tracestate", "foo.bar=1")], ""),
    (&[("tracestate", "@foo=1,bar=2")], ""),
    // Keys of level 2.
    (&[("tracestate", "foo@=1,bar=2")], "foo@=1,bar=2"),
    (&[("tracestate", "foo@@bar=1,bar=2")], "foo@@bar=1,bar=2"),
    (&[("tracestate", "foo@bar@baz=1,bar=2")], "foo@bar@baz=1,bar=2"),
    (&[("tracestate", "foo=1"), ("tracestate", "t@vvvvvvvvvvvvvvv=1")], "foo=1,t@vvvvvvvvvvvvvvv=1"),
    (&[("tracestate", "foo=bar=baz")], ""),
    (&[("tracestate", "foo=,bar=3")], ""),
    (&[("tracestate", "foo=1"), ("tracestate", "BAR=1")], ""),
    (&[("tracestate", "foo=1"), ("tracestate", ",,")], "foo=1"),
];

#[tokio::test]
async fn each_tracestate_of_the_suite_is_sent_on_or_discarded() {
    for (fields, expected) in STATES {
        let with_parent = [&[("traceparent", VALID)], fields].concat();
        let (context, state) = sent(&with_parent).await;
        assert_eq!((context.trace_id().to_string(), &*state), (TRACE.to_owned(), expected), "{fields:?}");
        let (context, state) = sent(fields).await;
        assert!(
            context.trace_id().to_string() != TRACE && state.is_empty(),
            "without a traceparent: {fields:?}"
        );
    }
}

#[tokio::test]
async fn the_limits_of_the_suite_hold() {
    let range = |from, to| (from..=to).map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",");
    let state = async |fields: &[String]| {
        let mut all = vec![("traceparent", VALID)];
        all.extend(fields.iter().map(|value| ("tracestate", value.as_str())));
        sent(&all).await.1
    };
    let three = [range(1, 10), range(11, 20), range(21, 30)];
    assert_eq!(state(&[&three[..], &[range(31, 32)]].concat()).await, range(1, 32));
    assert_eq!(state(&[&three[..], &[range(31, 33)]].concat()).await, "");
    let foo = "foo=1".to_owned();
    for (key, is_valid) in [
        ("z".repeat(256), true),
        ("z".repeat(257), false),
        (format!("{}@{}", "t".repeat(241), "v".repeat(14)), true),
        (format!("{}@v", "t".repeat(242)), true),
        (format!("{}@v", "t".repeat(255)), false),
    ] {
        let found = state(&[foo.clone(), format!("{key}=1")]).await;
        assert_eq!(found, if is_valid { format!("foo=1,{key}=1") } else { String::new() }, "{key}");
    }
    let key: String = ('a'..='z').chain('0'..='9').chain("_-*/".chars()).collect();
    let value: String = (' '..='~').filter(|character| !matches!(character, ',' | '=')).collect();
    for member in [format!("{key}={value}"), format!("{key}@a-z0-9_-*/={value}")] {
        assert_eq!(state(std::slice::from_ref(&member)).await, member);
    }
}

#[tokio::test]
async fn each_of_several_calls_is_an_operation_of_its_own_in_one_trace() {
    let zero = format!("00-{}-{SPAN}-01", "0".repeat(32));
    for (fields, goes_on) in
        [(&[("traceparent", VALID)][..], true), (&[], false), (&[("traceparent", &*zero)], false)]
    {
        let calls = calls(fields, 3).await;
        let contexts: Vec<_> = calls.iter().map(|sent| TraceContext::from_headers(sent).unwrap()).collect();
        let traces: BTreeSet<_> = contexts.iter().map(|context| context.trace_id().to_string()).collect();
        let parents: BTreeSet<_> = contexts.iter().map(TraceContext::span_id).collect();
        assert_eq!((traces.len(), traces.contains(TRACE), parents.len()), (1, goes_on, 3), "{fields:?}");
    }
}
