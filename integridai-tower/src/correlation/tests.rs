//! The pure core: nothing panics on any bytes, and what is printed is read as what it was.

use http::{HeaderMap, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;

use super::list;
use super::{
    BAGGAGE, Baggage, SpanId, TRACEPARENT, TRACESTATE, TraceContext, TraceFlags, TraceId, TraceState,
};

fn ids() -> impl Strategy<Value = (TraceId, SpanId, TraceFlags)> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), 0_u8..4).prop_filter_map(
        "an id is not zero",
        |(trace, span, flags)| {
            Some((TraceId::from_bytes(trace)?, SpanId::from_bytes(span)?, TraceFlags::from_bits(flags)))
        },
    )
}

/// Any bytes that HTTP lets through, and many that are nearly right.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let hostile = vec(prop_oneof![Just(b'\t'), 0x20_u8..=0x7e, 0x80_u8..=0xff], 0..200);
    let nearly = "[ \t]{0,2}([a-z0-9@_*/-]{0,20}[ ]?[=;%,]?[ -~]{0,12}[ \t]?[,;=]?){0,40}";
    prop_oneof![hostile, nearly.prop_map(String::into_bytes)]
}

fn headers(fields: &[(http::HeaderName, Vec<u8>)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

proptest! {
    #[test]
    fn a_trace_context_that_is_printed_is_read_as_what_it_was((trace, span, flags) in ids()) {
        let context = TraceContext::new(trace, span, flags);
        prop_assert_eq!(&context.to_string().parse::<TraceContext>().unwrap(), &context);
        let mut headers = HeaderMap::new();
        context.inject(&mut headers);
        prop_assert_eq!(TraceContext::from_headers(&headers), Some(context));
        prop_assert_eq!(trace.to_string().parse(), Ok(trace));
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }

    #[test]
    fn a_traceparent_with_one_changed_byte_is_never_taken_for_another_trace(
        (trace, span, flags) in ids(), at in 0_usize..55, byte in any::<u8>(),
    ) {
        let mut text = TraceContext::new(trace, span, flags).to_string().into_bytes();
        text[at] = byte;
        if let Ok(read) = String::from_utf8_lossy(&text).parse::<TraceContext>() {
            let is_digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            prop_assert!(is_digit || byte == b'-', "{at} {byte}");
            prop_assert_eq!(read.to_string().as_bytes()[3..52].to_vec(), text[3..52].to_vec());
        }
    }

    #[test]
    fn no_field_makes_a_parser_panic_and_what_it_keeps_is_within_bounds(fields in vec(field(), 1..4)) {
        let names = [TRACESTATE, BAGGAGE, TRACEPARENT];
        for name in names {
            let fields: Vec<_> = fields.iter().map(|value| (name.clone(), value.clone())).collect();
            let headers = headers(&fields);
            let _ = TraceContext::from_headers(&headers);
            let state = TraceState::from_headers(&headers);
            prop_assert!(state.as_str().len() <= 512 && state.members().count() <= 32);
            prop_assert_eq!(&state.as_str().parse::<TraceState>().unwrap(), &state);
            let baggage = Baggage::from_headers(&headers);
            prop_assert!(baggage.as_str().len() <= 8192 && baggage.members().count() <= 64);
            prop_assert_eq!(&baggage.as_str().parse::<Baggage>().unwrap(), &baggage);
            baggage.members().for_each(|member| { let _ = (member.value(), member.properties().count()); });
        }
    }

    #[test]
    fn a_state_that_was_put_together_is_read_as_what_it_was(
        members in vec(("[a-z0-9][a-z0-9_*/@-]{0,10}", "[ -+.-<>-~]{0,10}[!-+.-<>-~]"), 0..40),
    ) {
        let mut state = TraceState::default();
        for (key, value) in &members {
            state = state.with(key, value).unwrap();
            prop_assert_eq!(state.members().next(), Some((key.as_str(), value.as_str())));
        }
        prop_assert_eq!(&state.to_string().parse::<TraceState>().unwrap(), &state);
        let mut headers = HeaderMap::new();
        TraceContext::start(true).with_state(state.clone()).inject(&mut headers);
        prop_assert_eq!(TraceState::from_headers(&headers), state);
    }

    #[test]
    fn any_text_is_carried_in_baggage_and_comes_out_as_it_was(
        members in vec(("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}", any::<String>()), 1..20),
    ) {
        let mut baggage = Baggage::default();
        for (key, value) in &members {
            baggage = baggage.with(key, value).unwrap();
            prop_assert_eq!(baggage.value(key).unwrap(), value.as_str());
        }
        let mut headers = HeaderMap::new();
        baggage.inject(&mut headers);
        prop_assert_eq!(Baggage::from_headers(&headers), baggage);
    }

    #[test]
    fn members_have_no_white_space_around_them(text in field()) {
        for member in list::split(&text) {
            prop_assert!(!member.is_empty() && list::trim(member) == member && !member.contains(&b','));
        }
    }
}

#[test]
fn new_ids_are_random_and_differ() {
    let (one, other) = (TraceContext::start(false), TraceContext::start(false));
    assert!(one.trace_id() != other.trace_id() && one.span_id() != other.span_id());
    assert_eq!(one.flags(), TraceFlags::RANDOM);
}
