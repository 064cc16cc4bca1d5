use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::cache::status::CACHE_STATUS;
use crate::cache::storable::LeftOut;

fn headers() -> impl Strategy<Value = HeaderMap> {
    let value = vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..24);
    vec(("[a-z][a-z-]{0,12}", value), 0..8).prop_map(|lines| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(&value).unwrap());
        }
        headers
    })
}

fn selecting() -> impl Strategy<Value = Selecting> {
    let text = || option::of(vec(32..=126_u8, 0..12));
    let selected =
        ("[a-z]{1,8}", text(), text(), text()).prop_map(|(name, raw, normal, language)| Selected {
            name: HeaderName::from_bytes(name.as_bytes()).unwrap(),
            raw: raw.map(|raw| HeaderValue::from_bytes(&raw).unwrap()),
            normal,
            language,
        });
    vec(selected, 0..4).prop_map(Selecting)
}

fn freshness() -> impl Strategy<Value = Freshness> {
    any::<([u64; 6], bool, bool)>().prop_map(|(seconds, is_always_validated, is_never_stale)| {
        let [received, date, age_at_receipt, lifetime, while_revalidating, if_error] = seconds;
        Freshness {
            received,
            date: date % 253_402_300_800,
            age_at_receipt,
            lifetime,
            is_always_validated,
            is_never_stale,
            while_revalidating,
            if_error,
        }
    })
}

fn part() -> impl Strategy<Value = Option<Part>> {
    let total = option::of(0..1000_u64);
    let part = (0..1000_u64, 0..1000_u64, total).prop_map(|(first, length, total)| {
        let last = first + length;
        Part { first, last, total: total.map(|total| last + 1 + total) }
    });
    option::of(part)
}

fn entry() -> impl Strategy<Value = Entry> {
    let body = prop_oneof![vec(any::<u8>(), 0..200), vec(Just(b'a'), 0..4000)];
    let parts = (100..1000_u16, headers(), body, option::of(headers()), freshness(), selecting(), part());
    (parts, any::<bool>()).prop_map(
        |((status, headers, body, trailers, freshness, selecting, part), is_expired)| {
            let status = StatusCode::from_u16(status).unwrap();
            let contents = Contents {
                status,
                headers: &headers,
                left_out: &LeftOut::default(),
                body: body.into(),
                trailers,
                freshness,
                selecting,
                part,
            };
            let entry = Entry::new(contents);
            if is_expired {
                entry.expire();
            }
            entry
        },
    )
}

fn assert_same(one: &Entry, two: &Entry) {
    assert_eq!((one.status, one.headers(), &one.body), (two.status, two.headers(), &two.body));
    assert_eq!((&one.trailers, &one.freshness, one.part), (&two.trailers, &two.freshness, two.part));
    assert_eq!(one.selecting, two.selecting);
    assert_eq!((one.weight(), one.is_expired()), (two.weight(), two.is_expired()));
    assert_eq!(one.stored_headers(), two.stored_headers());
}

fn plain(body: &'static str) -> Entry {
    let line = [("cache-control", "max-age=60"), ("content-type", "text/plain")];
    crate::cache::assess::sample(200, &line, body, 1_800_000_000)
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        entry in entry(), time in any::<u64>(), number in any::<u64>(), url in ".{0,40}", above in 0..5000_usize,
    ) {
        let position = Position { time, number };
        let record = decode(&encode(position, &url, &entry, above).into()).unwrap();
        prop_assert_eq!((record.position, record.url), (position, url));
        assert_same(&record.entry, &entry);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(text in vec(any::<u8>(), 0..200), kind in 0..3_u8) {
        let _ = decode(&Bytes::from(text.clone()));
        // With a head that fits, so that the rest is looked at.
        let mut whole = vec![VERSION, kind];
        whole.extend(checksum(kind, &text));
        whole.extend(text);
        let _ = decode(&Bytes::from(whole));
    }

    #[test]
    fn an_entry_with_another_byte_is_nothing(entry in entry(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = encode(Position::default(), "http://a.test/", &entry, 1000);
        let at = at.index(text.len());
        prop_assume!(text[at] != byte);
        text[at] = byte;
        prop_assert!(decode(&text.into()).is_none());
    }

    #[test]
    fn damage_behind_a_right_checksum_is_read_without_a_panic(
        entry in entry(), at in any::<prop::sample::Index>(), byte in any::<u8>(), above in 0..5000_usize,
    ) {
        let mut text = encode(Position::default(), "http://a.test/", &entry, above);
        let at = HEAD + at.index(text.len() - HEAD);
        text[at] = byte;
        let checksum = checksum(text[1], &text[HEAD..]);
        text[2..HEAD].copy_from_slice(&checksum);
        let _ = decode(&text.into());
    }
}

#[test]
fn another_version_and_a_part_of_an_entry_are_nothing() {
    let text = encode(Position::default(), "http://a.test/", &plain("text"), 1000);
    assert!(decode(&Bytes::from(text.clone())).is_some());
    for end in 0..text.len() {
        assert!(decode(&Bytes::copy_from_slice(&text[..end])).is_none(), "{end}");
    }
    let mut other = text;
    other[0] = VERSION + 1;
    assert!(decode(&other.into()).is_none());
}

#[test]
fn what_repeats_itself_is_compressed_and_what_does_not_is_left() {
    let length = |entry: &Entry, above| encode(Position::default(), "http://a.test/", entry, above).len();
    let repeated = plain(Box::leak("0123456789".repeat(1000).into_boxed_str()));
    assert!(length(&repeated, 1000) < 1000);
    assert!(length(&repeated, 100_000) > 10_000);
    let short = plain("text");
    assert_eq!(length(&short, 10), length(&short, 1000));
}

#[test]
fn a_small_block_that_claims_to_be_large_is_nothing() {
    let mut text = vec![0; HEAD];
    text.extend(u32::MAX.to_le_bytes());
    text.extend([0x1f, b'a', 1, 0, 255, 255]);
    text[0] = VERSION;
    text[1] = COMPRESSED;
    let checksum = checksum(COMPRESSED, &text[HEAD..]);
    text[2..HEAD].copy_from_slice(&checksum);
    assert!(decode(&text.into()).is_none());
}

#[test]
fn what_the_cache_made_of_the_fields_is_not_written() {
    let record =
        decode(&encode(Position::default(), "", &plain("text"), 1000).into()).expect("it is readable");
    assert!(!record.entry.stored_headers().contains_key(CACHE_STATUS));
}

#[test]
fn variants_are_told_apart_by_names_and_what_they_mean() {
    let of = |raw: &'static str, normal: &str| {
        let selected = Selected {
            name: HeaderName::from_static("x-a"),
            raw: Some(HeaderValue::from_static(raw)),
            normal: Some(normal.into()),
            language: None,
        };
        let mut entry = plain("text");
        entry.selecting = Selecting(vec![selected]);
        variant(&entry)
    };
    assert_eq!(of("a, b", "a,b"), of("a,b", "a,b"));
    assert_ne!(of("a", "a"), of("b", "b"));
    assert_ne!(of("a", "a"), variant(&plain("text")));
}
