use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What `serde_json` makes of the same text; how great a number may be is not a matter of form.
fn is_object(text: &str) -> bool {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => value.is_object(),
        Err(error) => error.to_string().contains("number out of range"),
    }
}

fn read(text: &str) -> Result<(), Reason> {
    Members::read(text).map(drop)
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    btree_map(any::<String>(), json(), 0..40)
        .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into())
}

/// Texts that are nearly JSON: made of its pieces.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: [&str; 32] = [
        "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\"b\"", "\\", "\\\"", "\\u0061", "\\ud800", "\\n", "0",
        "1", "-", ".", "e", "E", "+", "01", "true", "false", "null", "nul", " ", "\n", "\u{1}", "\u{e9}",
        "\u{b}", "{\"a\":",
    ];
    vec(proptest::sample::select(&PIECES[..]), 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_object_is_read_and_its_members_are_those_that_were_written(object in object(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
        let text = text.expect("it has a JSON form");
        let members = Members::read(&text).expect("it is an object");
        let written = object.as_object().expect("it is an object");
        prop_assert_eq!(members.0.len(), written.len());
        for (name, value) in written {
            let element = members.get(name).expect("it was written");
            prop_assert_eq!(&element.value().expect("it was written"), value);
            let text = element.text();
            prop_assert_eq!(text.as_deref(), value.as_str());
        }
    }

    #[test]
    fn what_is_read_is_json_and_the_other_way_round(text in pieces()) {
        let text = format!("{{\"x\":{text}}}");
        match read(&text) {
            Ok(()) => prop_assert!(is_object(&text), "{}", text),
            // serde_json takes the last of them.
            Err(Reason::DuplicateMember) => {}
            Err(_) => prop_assert!(!is_object(&text), "{}", text),
        }
    }

    #[test]
    fn a_member_that_is_twice_there_is_found_wherever_it_stands(
        object in btree_map("[a-z]{1,4}", any::<i32>(), 1..40),
        depth in 0_usize..8,
        escaped: bool,
    ) {
        let members: Vec<String> = object.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let (name, _) = object.iter().next().expect("one member at least");
        let again = match escaped {
            true => format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]),
            false => name.clone(),
        };
        let text = format!(
            "{}{{{},\"{again}\":0}}{}",
            "{\"x\":[".repeat(depth), members.join(","), "]}".repeat(depth)
        );
        prop_assert_eq!(read(&text), Err(Reason::DuplicateMember));
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(read(&nested(MAX_DEPTH)), Ok(()));
    assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(Reason::MalformedToken));
    assert_eq!(read(&nested(100_000)), Err(Reason::MalformedToken));
    assert_eq!(read(&"{\"a\":".repeat(100_000)), Err(Reason::MalformedToken));
}
