//! Dictionaries of Structured Fields (RFC 9651 §4.2.2), as far as directives need them: keys, and items that are numbers,
//! texts or flags. Parameters are checked and left out; inner lists too.

/// A value; those that no directive has are told apart by nothing but their validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Integer(i64),
    String(String),
    Boolean(bool),
    Other,
}

/// The members in the order of their first occurrence, with their last value; `None` for what is no dictionary.
pub(super) fn read<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Vec<(String, Item)>> {
    let text = lines.collect::<Vec<_>>().join(&b", "[..]);
    let mut reader = Reader { rest: trim_spaces(&text) };
    let mut members: Vec<(String, Item)> = Vec::new();
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        let value = reader.member_value()?;
        match members.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => members.push((key, value)),
        }
        reader.skip(b" \t");
        if reader.rest.is_empty() {
            break;
        }
        reader.expect(b',')?;
        reader.skip(b" \t");
        reader.peek()?;
    }
    Some(members)
}

fn trim_spaces(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| byte != b' ').unwrap_or(text.len());
    let end = text.iter().rposition(|&byte| byte != b' ').map_or(start, |last| last + 1);
    &text[start..end]
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn skip(&mut self, bytes: &[u8]) {
        while self.peek().is_some_and(|byte| bytes.contains(&byte)) {
            self.next();
        }
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &[u8] {
        let end = self.rest.iter().position(|&byte| !belongs(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn key(&mut self) -> Option<String> {
        if !matches!(self.peek()?, b'a'..=b'z' | b'*') {
            return None;
        }
        let key =
            self.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
        String::from_utf8(key.to_vec()).ok()
    }

    fn member_value(&mut self) -> Option<Item> {
        let value = match self.peek() {
            Some(b'=') => {
                self.next();
                if self.peek()? == b'(' { self.inner_list()? } else { self.bare_item()? }
            }
            _ => Item::Boolean(true),
        };
        self.parameters()?;
        Some(value)
    }

    fn parameters(&mut self) -> Option<()> {
        while self.peek() == Some(b';') {
            self.next();
            self.skip(b" ");
            self.key()?;
            if self.peek() == Some(b'=') {
                self.next();
                self.bare_item()?;
            }
        }
        Some(())
    }

    fn inner_list(&mut self) -> Option<Item> {
        self.expect(b'(')?;
        loop {
            self.skip(b" ");
            if self.peek()? == b')' {
                self.next();
                return Some(Item::Other);
            }
            self.bare_item()?;
            self.parameters()?;
            if !matches!(self.peek()?, b' ' | b')') {
                return None;
            }
        }
    }

    fn bare_item(&mut self) -> Option<Item> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string().map(Item::String),
            b'?' => self.boolean(),
            b':' => self.bytes(),
            b'@' => {
                self.next();
                matches!(self.number()?, Item::Integer(_)).then_some(Item::Other)
            }
            b'%' => self.display_string(),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.take_while(|byte| is_token(byte) || matches!(byte, b':' | b'/'));
                Some(Item::Other)
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Item> {
        let is_negative = self.peek() == Some(b'-');
        if is_negative {
            self.next();
        }
        let whole = self.take_while(|byte| byte.is_ascii_digit()).to_vec();
        if self.peek() == Some(b'.') && (1..=12).contains(&whole.len()) {
            self.next();
            let fraction = self.take_while(|byte| byte.is_ascii_digit()).len();
            return (1..=3).contains(&fraction).then_some(Item::Other);
        }
        if !(1..=15).contains(&whole.len()) {
            return None;
        }
        let value = whole.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
        Some(Item::Integer(if is_negative { -value } else { value }))
    }

    fn string(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                b'"' => return Some(text),
                b'\\' => text.push(char::from(self.next().filter(|byte| matches!(byte, b'"' | b'\\'))?)),
                byte @ 0x20..=0x7e => text.push(char::from(byte)),
                _ => return None,
            }
        }
    }

    fn boolean(&mut self) -> Option<Item> {
        self.expect(b'?')?;
        match self.next()? {
            b'1' => Some(Item::Boolean(true)),
            b'0' => Some(Item::Boolean(false)),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<Item> {
        self.expect(b':')?;
        self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        self.expect(b':')?;
        Some(Item::Other)
    }

    fn display_string(&mut self) -> Option<Item> {
        self.expect(b'%')?;
        self.expect(b'"')?;
        self.take_while(|byte| matches!(byte, 0x20..=0x7e) && byte != b'"');
        self.expect(b'"')?;
        Some(Item::Other)
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Option<Vec<(String, Item)>> {
        read([text.as_bytes()].into_iter())
    }

    #[test]
    fn members_have_keys_and_items() {
        let text = r#"a, b=?0, c=-7, d="x\"y", e=1.5, f=tok/en, g=:aGk=:, h=(1 "2");i=1, j=@9, a=2"#;
        let expected = [
            ("a", Item::Integer(2)),
            ("b", Item::Boolean(false)),
            ("c", Item::Integer(-7)),
            ("d", Item::String("x\"y".into())),
            ("e", Item::Other),
            ("f", Item::Other),
            ("g", Item::Other),
            ("h", Item::Other),
            ("j", Item::Other),
        ];
        assert_eq!(of(text).unwrap(), expected.map(|(key, item)| (key.to_owned(), item)));
        assert_eq!(of("").unwrap(), []);
        assert_eq!(read([&b"a=1"[..], b"b"].into_iter()).unwrap().len(), 2);
    }

    #[test]
    fn what_breaks_the_grammar_is_no_dictionary() {
        for text in [
            "A=1",
            "a =1",
            "a= 1",
            "a=1,",
            ",a",
            "a=1 b=2",
            "a=&",
            "a=1234567890123456",
            "a=1.",
            "a=1.1234",
            "a=\"x",
            "a=\"\u{7f}\"",
            "a=?2",
            "a=(1",
            "a=(1\"2\")",
            "a;=1",
            "a=:x",
            "a=-",
            "&&&&&",
            "a=@1.5",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(lines in proptest::collection::vec(any::<Vec<u8>>(), 0..3)) {
            let _ = read(lines.iter().map(Vec::as_slice));
        }

        #[test]
        fn what_is_printed_is_read(
            members in proptest::collection::btree_map("[a-z][a-z0-9_*.-]{0,8}", -999_999_999_999_999_i64..=999_999_999_999_999, 0..5),
        ) {
            let printed: Vec<String> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let read = of(&printed.join(", ")).unwrap();
            let expected: Vec<_> = members.into_iter().map(|(key, value)| (key, Item::Integer(value))).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
