//! Where frames of a WebSocket end (RFC 6455 §5.2), so that a goodbye comes between two of them and never inside one.

/// The most that stands before a frame's content: two bytes, a length of eight, a mask of four.
const LONGEST_HEAD: usize = 14;

/// The opcode with which an end says that it sends nothing more.
const CLOSE: u8 = 0x8;

/// One direction of a WebSocket, read as far as is needed to find the ends of its frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; LONGEST_HEAD],
    /// How much of the head has come.
    head_bytes: usize,
    /// How much of the content is still to come.
    content_bytes: u64,
    is_closed: bool,
}

impl Frames {
    /// Whether the last frame has come whole.
    pub(super) fn is_between(&self) -> bool {
        self.head_bytes == 0 && self.content_bytes == 0
    }

    /// Whether the end has said that it sends nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Goes past all of these.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let passed = self.pass_frame(bytes);
            bytes = &bytes[passed..];
        }
    }

    /// Goes on to the end of the frame that is being read, or past all of these; how many bytes that was.
    pub(super) fn pass_frame(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while passed < bytes.len() {
            if self.content_bytes == 0 {
                self.take_head(bytes[passed]);
                passed += 1;
            } else {
                let left = bytes.len() - passed;
                let some = usize::try_from(self.content_bytes).unwrap_or(usize::MAX).min(left);
                self.content_bytes -= some as u64;
                passed += some;
            }
            if self.is_between() {
                break;
            }
        }
        passed
    }

    fn take_head(&mut self, byte: u8) {
        self.head[self.head_bytes] = byte;
        self.head_bytes += 1;
        if self.head_bytes < 2 || self.head_bytes < self.head_length() {
            return;
        }
        self.content_bytes = self.content_length();
        self.is_closed |= self.head[0] & 0x0F == CLOSE;
        self.head_bytes = 0;
    }

    fn head_length(&self) -> usize {
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { 4 };
        let length = match self.head[1] & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + mask
    }

    fn content_length(&self) -> u64 {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        match self.head[1] & 0x7F {
            126 => number(&self.head[2..4]),
            127 => number(&self.head[2..10]),
            short => u64::from(short),
        }
    }
}

/// A frame that closes, with a code and a reason of at most 123 bytes; masked where a client sends it.
pub(super) fn close(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let reason = &reason.as_bytes()[..reason.len().min(123)];
    let mut content: Vec<u8> = code.to_be_bytes().into();
    content.extend(reason);
    let length = u8::try_from(content.len()).unwrap_or(125);
    let mut frame = vec![0x80 | CLOSE, length | if mask.is_some() { 0x80 } else { 0 }];
    if let Some(mask) = mask {
        frame.extend(mask);
        content.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    }
    frame.extend(content);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, content: usize, is_masked: bool) -> Vec<u8> {
        let mask = if is_masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match content {
            0..126 => frame.push(mask | u8::try_from(content).unwrap()),
            126..65_536 => {
                frame.push(mask | 126);
                frame.extend(u16::try_from(content).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((content as u64).to_be_bytes());
            }
        }
        if is_masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(std::iter::repeat_n(7, content));
        frame
    }

    proptest! {
        #[test]
        fn the_end_of_each_frame_is_found_however_it_comes(
            sent in proptest::collection::vec((0_usize..70_000, any::<bool>()), 1..6),
            piece in 1_usize..9_000,
        ) {
            let all: Vec<Vec<u8>> = sent.iter().map(|(content, is_masked)| frame(2, *content, *is_masked)).collect();
            let (mut frames, mut found, mut at) = (Frames::default(), Vec::new(), 0);
            for bytes in all.concat().chunks(piece) {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let passed = frames.pass_frame(rest);
                    (rest, at) = (&rest[passed..], at + passed);
                    if frames.is_between() {
                        found.push(at);
                    }
                }
            }
            let ends = all.iter().scan(0, |at, frame| { *at += frame.len(); Some(*at) });
            prop_assert_eq!(found, ends.collect::<Vec<_>>());
            prop_assert!(!frames.is_closed());
        }

        #[test]
        fn nothing_that_comes_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Frames::default().pass(&bytes);
        }
    }

    #[test]
    fn a_close_is_noticed_and_a_goodbye_is_one() {
        for (mask, text) in [(None, b"\x03\xe9bye".to_vec()), (Some([1, 2, 3, 4]), b"\x02\xeba}d".to_vec())] {
            let goodbye = close(1001, "bye", mask);
            assert_eq!(goodbye[0], 0x88);
            assert!(goodbye.ends_with(&text), "{goodbye:?}");
            let mut frames = Frames::default();
            frames.pass(&goodbye[..4]);
            assert!(!frames.is_between());
            frames.pass(&goodbye[4..]);
            assert!(frames.is_between() && frames.is_closed());
        }
    }
}
