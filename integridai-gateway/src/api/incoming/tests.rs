use http::{HeaderMap, HeaderName};
use proptest::prelude::*;
use time::macros::datetime;

use super::*;

fn fields(fields: &[(&str, &str)]) -> HeaderMap {
    let parse = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), value.parse::<http::HeaderValue>().unwrap())
    };
    fields.iter().map(parse).collect()
}

fn read(head: &[(&str, &str)], body: &str) -> Result<Vec<SystemEvent>, Refused> {
    let headers = fields(head);
    let read = Form::of(&headers).expect("a form").read(&headers, body.as_bytes(), 2, "c-request");
    read.map(|all| all.into_iter().map(|incoming| incoming.event).collect())
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const STRUCTURED: (&str, &str) = ("content-type", "application/cloudevents+json; charset=UTF-8");
const BATCH: (&str, &str) = ("content-type", "application/cloudevents-batch+json");

/// The same event in each form.
const PLAIN_BODY: &str = r#"{"type":"training.completed","source":"/flai/é","id":"s-1","data":{"b":1.50,"a":[]},
    "timestamp":"2026-11-24T11:00:00.25+01:00","correlation_id":"c-1","user_id":"ann"}"#;
const CLOUD_BODY: &str = r#"{"specversion":"1.0","type":"training.completed","source":"/flai/é","id":"s-1","data":{"b":1.50,"a":[]},
    "time":"2026-11-24T11:00:00.25+01:00","correlationid":"c-1","userid":"ann","subject":"x","comexampleext":7}"#;
const BINARY: [(&str, &str); 8] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "training.completed"),
    ("ce-source", "/flai/%C3%A9"),
    ("ce-id", "s-1"),
    ("ce-time", "2026-11-24T11:00:00.25+01:00"),
    ("ce-correlationid", "c-1"),
    ("ce-userid", "ann"),
    JSON,
];

#[test]
fn every_form_says_the_same() {
    let batch = format!("[{CLOUD_BODY}]");
    for (head, body) in [
        (&[JSON][..], PLAIN_BODY),
        (&[STRUCTURED], CLOUD_BODY),
        (&[BATCH], &batch),
        (&BINARY, r#"{"b":1.50,"a":[]}"#),
    ] {
        let event = read(head, body).unwrap_or_else(|why| panic!("{head:?}: {why:?}")).remove(0);
        assert_eq!((&*event.event_type, &*event.service_name), ("training.completed", "/flai/é"), "{head:?}");
        assert_eq!(event.event_id.as_deref(), Some("s-1"));
        assert_eq!(event.payload.as_str(), r#"{"b":1.50,"a":[]}"#, "as it was written");
        assert_eq!(event.timestamp, datetime!(2026-11-24 10:00:00.25 UTC));
        assert_eq!((event.correlation_id.as_deref(), event.user_id.as_deref()), (Some("c-1"), Some("ann")));
    }
}

#[test]
fn what_is_left_out_is_of_now_of_this_request_and_of_nobody() {
    let event = read(&[JSON], r#"{"type":"a","source":"b","id":null}"#).unwrap().remove(0);
    assert_eq!(event.payload.as_str(), "null");
    assert_eq!(
        (event.correlation_id.as_deref(), event.user_id, event.event_id),
        (Some("c-request"), None, None)
    );
    let head = [BINARY[0], BINARY[1], BINARY[2], BINARY[3]];
    assert_eq!(
        read(&head, "").unwrap()[0].payload.as_str(),
        "null",
        "without a body it needs no type of one"
    );
    assert_eq!(read(&[BATCH], "[]").unwrap(), []);
}

#[test]
fn forms_are_told_by_the_head() {
    for (head, form) in [
        (&[JSON][..], Some(Form::Plain)),
        (&[("content-type", "application/problem+json")], Some(Form::Plain)),
        (&[STRUCTURED], Some(Form::Structured)),
        (&[("content-type", "Application/CloudEvents+JSON")], Some(Form::Structured)),
        // The media type says that the attributes are in the body, whatever else is in the head.
        (&[STRUCTURED, ("ce-specversion", "1.0")], Some(Form::Structured)),
        (&[BATCH], Some(Form::Batch)),
        (&[JSON, ("ce-specversion", "1.0")], Some(Form::Binary)),
        (&[("ce-specversion", "1.0")], Some(Form::Binary)),
        (&[("content-type", "text/plain"), ("ce-specversion", "1.0")], None),
        (&[("content-type", "application/cloudevents+xml")], None),
        (&[("content-type", "application/cloudevents")], None),
        (&[("content-type", "application/cloudevents+json"), ("a", "b")], Some(Form::Structured)),
        (&[("content-type", "text/json")], None),
        (&[], None),
    ] {
        assert_eq!(Form::of(&fields(head)), form, "{head:?}");
    }
}

#[test]
fn every_wrong_field_is_pointed_at_and_nothing_is_taken() {
    let long = format!(r#"{{"type":"{}","source":"{}"}}"#, "x".repeat(51), "y".repeat(256));
    for (head, body, pointers) in [
        (JSON, "{}", &["/type", "/source"][..]),
        (JSON, &long, &["/type", "/source"]),
        (
            JSON,
            r#"{"type":"A b","source":"","id":7,"timestamp":"now"}"#,
            &["/type", "/source", "/id", "/timestamp"],
        ),
        (JSON, r#"{"type":"a","source":"gateway"}"#, &["/source"]),
        (JSON, r#"{"type":"a","source":"b\u0000"}"#, &["/source"]),
        (JSON, r#"{"type":"a","source":"b","x/y~z":1}"#, &["/x~1y~0z"]),
        (
            JSON,
            r#"{"type":"a","source":"b","correlation_id":"","user_id":[]}"#,
            &["/correlation_id", "/user_id"],
        ),
        (JSON, r#"{"type":"a","source":"b","timestamp":"9999-12-31T23:59:59-01:00"}"#, &["/timestamp"]),
        (STRUCTURED, r#"{"type":"a","source":"b"}"#, &["/specversion", "/id"]),
        (
            STRUCTURED,
            r#"{"specversion":"0.3","type":"a","source":"b","id":"1","data_base64":"AA=="}"#,
            &["/specversion", "/data_base64"],
        ),
        (
            BATCH,
            r#"[{"specversion":"1.0","type":"a","source":"b","id":"1"},{"specversion":"1.0","type":"a"}]"#,
            &["/1/source", "/1/id"],
        ),
    ] {
        let Err(Refused::Wrong(errors)) = read(&[head], body) else { panic!("{body} was taken") };
        let found: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(found, pointers, "{body}");
    }
}

#[test]
fn what_is_no_json_or_of_another_shape_is_malformed_and_a_long_batch_too_many() {
    for (head, body) in
        [(JSON, ""), (JSON, "{"), (JSON, "[]"), (STRUCTURED, "7"), (BATCH, "{}"), (BATCH, "[1]"), (BATCH, "")]
    {
        assert!(matches!(read(&[head], body), Err(Refused::Malformed(_))), "{body}");
    }
    assert!(matches!(read(&BINARY, "{"), Err(Refused::Malformed(_))));
    let three = format!("[{CLOUD_BODY},{CLOUD_BODY},{CLOUD_BODY}]");
    assert_eq!(read(&[BATCH], &three), Err(Refused::TooMany));
}

proptest! {
    #[test]
    fn no_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..200), form in 0..4_usize) {
        let form = [Form::Plain, Form::Structured, Form::Binary, Form::Batch][form];
        let _ = form.read(&HeaderMap::new(), &body, 2, "c");
    }

    #[test]
    fn no_member_is_too_strange(members in prop::collection::btree_map("[a-z~/]{0,9}|type|source|id|time", any::<String>(), 0..9)) {
        let body = serde_json::to_vec(&members).unwrap();
        for form in [Form::Plain, Form::Structured] {
            if let Err(Refused::Malformed(why)) = form.read(&HeaderMap::new(), &body, 2, "c") {
                prop_assert!(false, "{}", why);
            }
        }
    }
}
