//! Records one after the other in a file: a mark, a length, a checksum, and the text.
//!
//! Pure: bytes in, places out. Whatever the bytes are, nothing panics, and only what was written as a record is found.

/// Begins a record. Its first byte is in no text, so that no record can hold another.
const MARK: [u8; 4] = [0xFF, b'I', b'G', b'1'];
/// The mark, the length of the text, and the checksum of length and text, both little-endian.
const HEAD: usize = MARK.len() + 8;

/// Appends a record.
pub(super) fn append(text: &str, out: &mut Vec<u8>) {
    let length =
        u32::try_from(text.len()).expect("a row is smaller than the buffer it waited in").to_le_bytes();
    out.extend(MARK);
    out.extend(length);
    out.extend(checksum(length, text.as_bytes()).to_le_bytes());
    out.extend(text.as_bytes());
}

/// What follows in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The next record; `None` at the end.
    pub(super) text: Option<&'a str>,
    /// Whether bytes before it, or before the end, are no record: torn off, or damaged.
    pub(super) is_damaged: bool,
    /// Where to go on.
    pub(super) next: usize,
}

/// The first record from `at` on.
pub(super) fn find(bytes: &[u8], at: usize) -> Found<'_> {
    let mut place = at.min(bytes.len());
    while place < bytes.len() {
        if let Some((text, next)) = record(bytes, place) {
            return Found { text: Some(text), is_damaged: place > at, next };
        }
        let rest = &bytes[place + 1..];
        place += 1 + rest.iter().position(|byte| *byte == MARK[0]).unwrap_or(rest.len());
    }
    Found { text: None, is_damaged: at < bytes.len(), next: bytes.len() }
}

fn record(bytes: &[u8], place: usize) -> Option<(&str, usize)> {
    let head = bytes.get(place..place.checked_add(HEAD)?)?;
    let (mark, numbers) = head.split_at(MARK.len());
    let (length, sum) = numbers.split_at(4);
    let (length, sum): ([u8; 4], [u8; 4]) = (length.try_into().ok()?, sum.try_into().ok()?);
    let end = (place + HEAD).checked_add(usize::try_from(u32::from_le_bytes(length)).ok()?)?;
    let text = bytes.get(place + HEAD..end)?;
    let is_whole = mark == MARK && checksum(length, text) == u32::from_le_bytes(sum);
    is_whole.then(|| std::str::from_utf8(text).ok().map(|text| (text, end))).flatten()
}

fn checksum(length: [u8; 4], text: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(text);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(texts: &[String]) -> Vec<u8> {
        let mut bytes = Vec::new();
        texts.iter().for_each(|text| append(text, &mut bytes));
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<&str>, usize) {
        let (mut texts, mut damages, mut at) = (Vec::new(), 0, 0);
        loop {
            let found = find(bytes, at);
            assert!(found.next > at || found.text.is_none(), "it goes on");
            damages += usize::from(found.is_damaged);
            let Some(text) = found.text else { return (texts, damages) };
            texts.push(text);
            at = found.next;
        }
    }

    /// Whether all of `some` are in `all`, in this order.
    fn is_part(some: &[&str], all: &[String]) -> bool {
        let mut all = all.iter();
        some.iter().all(|text| all.any(|other| other == text))
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(prop_oneof!["[a-z{}\"\\\\]{0,40}", any::<String>()], 0..12)
    }

    #[test]
    fn one_record_that_is_damaged_hides_no_other() {
        let texts = ["a", "bb", "ccc"].map(str::to_owned);
        let mut bytes = written(&texts);
        let second = 13 + 12;
        bytes[second] ^= 1;
        assert_eq!(read(&bytes), (vec!["a", "ccc"], 1));
    }

    #[test]
    fn a_length_beyond_the_end_is_damage() {
        let mut bytes = written(&["a".to_owned()]);
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&bytes), (vec![], 1));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in texts()) {
            let bytes = written(&texts);
            let (found, damages) = read(&bytes);
            prop_assert_eq!(found, texts.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(damages, 0);
        }

        #[test]
        fn of_a_file_that_was_torn_off_all_whole_records_are_read(texts in texts(), cut in any::<prop::sample::Index>()) {
            let bytes = written(&texts);
            let kept = cut.index(bytes.len() + 1);
            let mut whole = Vec::new();
            let mut end = 0;
            for text in &texts {
                end += HEAD + text.len();
                if end <= kept {
                    whole.push(text.as_str());
                }
            }
            let is_torn = whole.iter().map(|text| HEAD + text.len()).sum::<usize>() < kept;
            prop_assert_eq!(read(&bytes[..kept]), (whole, usize::from(is_torn)));
        }

        #[test]
        fn damage_loses_records_and_never_makes_one(
            texts in texts(),
            damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut bytes = written(&texts);
            prop_assume!(!bytes.is_empty());
            for (place, byte) in damages {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let (found, _) = read(&bytes);
            prop_assert!(is_part(&found, &texts), "{:?} is not of {:?}", found, texts);
        }

        #[test]
        fn any_bytes_can_be_searched(bytes in prop::collection::vec(prop_oneof![Just(0xFF_u8), Just(b'I'), any::<u8>()], 0..200)) {
            read(&bytes);
        }
    }
}
