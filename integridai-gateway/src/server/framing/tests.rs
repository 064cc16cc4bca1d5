use super::*;

const POST: &str = "POST /a HTTP/1.1\r\nhost: here\r\n";

/// Where reading ends, if it does: the same whether the bytes come at once, in two pieces or one by one.
fn refused_from(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let whole = Framing::new().follow(bytes).err().map(|ambiguous| ambiguous.from);
    for split in 0..=bytes.len() {
        let pieces = bytes.split_at(split);
        let is_refused = is_refused([pieces.0, pieces.1]);
        assert_eq!(is_refused, whole.is_some(), "cut at {split}: {text:?}");
    }
    assert_eq!(is_refused(bytes.chunks(1)), whole.is_some(), "byte by byte: {text:?}");
    whole
}

fn is_refused<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let mut framing = Framing::new();
    pieces.into_iter().any(|piece| framing.follow(piece).is_err())
}

#[test]
fn requests_that_say_once_where_they_end_are_let_through() {
    let cookie = format!("cookie: {}\r\n", "c".repeat(500));
    for fields in [
        "\r\n",
        "content-length: 0\r\n\r\n",
        "content-length: 5\r\n\r\nhello",
        "Content-Length:\t5 \r\n\r\n\n\n\n\n\n",
        "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\nA;a=b\r\n\n123456\n\n\n\r\n00\r\nx-trailer: 1\r\n\r\n",
        "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        &format!("{cookie}content-length: 1\r\n\r\na"),
        "content-lengths: 1\r\ncontent-length: 1\r\nx-content-length: 7\r\n\r\na",
    ] {
        let text = format!("\r\n{POST}{fields}");
        assert_eq!(refused_from(&format!("{text}{text}GET / HTTP/1.1\r\n\r\n")), None, "{text:?}");
    }
}

#[test]
fn what_others_may_read_otherwise_is_not_read_on() {
    for (fields, line) in [
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", 1),
        ("transfer-encoding: chunked\r\nx: y\r\nContent-Length: 5\r\n", 2),
        ("content-length: 5\r\ncontent-length: 5\r\n", 1),
        ("content-length: 5\r\ncontent-length: 6\r\n", 1),
        ("content-length: 0\r\ncontent-length: 0\r\n", 1),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", 1),
        ("transfer-encoding: chunked, identity\r\n", 0),
        ("transfer-encoding: xchunked\r\n", 0),
        ("transfer-encoding:\r\n", 0),
        ("content-length: +5\r\n", 0),
        ("content-length: 5, 5\r\n", 0),
        ("content-length: 0x5\r\n", 0),
        ("content-length: 5 5\r\n", 0),
        ("content-length:\r\n", 0),
        ("content-length\r\n", 0),
        ("content-length: 99999999999999999999\r\n", 0),
        (&format!("content-length: {}5\r\n", "0".repeat(100)), 0),
        (&format!("content-length:{}5\r\n", " ".repeat(100)), 0),
        (&format!("content-length: 5{}\r\n", " ".repeat(100)), 0),
        ("x: y\ncontent-length: 5\r\n", 0),
        ("x: y\r\n\n", 1),
        ("\n", 0),
    ] {
        let before: usize = fields.split_inclusive('\n').take(line).map(str::len).sum();
        let text = format!("{POST}{fields}\r\nhello");
        assert_eq!(refused_from(&text), Some(POST.len() + before), "{text:?}");
    }
    assert_eq!(refused_from("GET / HTTP/1.1\nhost: here\r\n\r\n"), Some(0));
    assert_eq!(refused_from("\nGET / HTTP/1.1\r\n\r\n"), Some(0));
}

#[test]
fn chunks_that_end_otherwise_than_they_say_are_not_read_on() {
    let head = format!("{POST}transfer-encoding: chunked\r\n\r\n");
    for (content, from) in [
        ("5\nhello\r\n0\r\n\r\n", 0),
        ("5\r\nhello\n0\r\n\r\n", 8),
        ("5\r\nhello!\r\n0\r\n\r\n", 8),
        ("\r\n", 0),
        ("x\r\n", 0),
        (";\r\n", 0),
        ("-1\r\n", 0),
        ("1000000000000000\r\n", 0),
        (&format!("{}\r\n", "0".repeat(100)), 0),
        ("0\r\nx: y\n\r\n", 3),
        ("0\r\n\n", 3),
    ] {
        let text = format!("{head}{content}");
        assert_eq!(refused_from(&text), Some(head.len() + from), "{text:?}");
    }
}

#[test]
fn a_size_that_does_not_end_is_not_waited_for() {
    let mut framing = Framing::new();
    framing.follow(format!("{POST}transfer-encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(framing.follow(&[b'0'; 15]), Ok(()));
    assert!(framing.follow(b"0").is_err());
}

#[test]
fn a_second_request_is_looked_at_like_the_first() {
    let first = format!("{POST}content-length: 5\r\n\r\n\n\r\n\r\n");
    let second = format!("{first}{POST}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n");
    assert!(refused_from(&second).is_some_and(|from| from > first.len()));
}

#[test]
fn other_protocols_are_not_looked_at() {
    assert_eq!(refused_from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\ncontent-length\n"), None);
    assert!(refused_from("GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\n").is_some());
    let mut framing = Framing::new();
    framing.follow(b"GET / HTTP/1.1\r\nupgrade: x\r\n\r\n").unwrap();
    framing.unwatch();
    assert_eq!(framing.follow(b"\n\n\n"), Ok(()));
}

#[test]
fn it_is_known_whether_a_head_has_begun() {
    let mut framing = Framing::new();
    for (bytes, is_within) in [
        ("", false),
        ("\r\n", false),
        ("G", true),
        ("ET / HTTP/1.1\r\n", true),
        ("content-length: 3\r\n", true),
        ("\r\n", false),
        ("a\r", false),
        ("\n", false),
        ("POST", true),
    ] {
        framing.follow(bytes.as_bytes()).unwrap();
        assert_eq!(framing.is_within_head(), is_within, "{bytes:?}");
    }
}
