//! What was changed, in the order of Redis: how replicas hear of it, and what became of entries that are older.

use std::fmt;
use std::str::FromStr;

use crate::cache::{Entry, Purged};

/// A place in the log: the id of an entry of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    /// Milliseconds since 1970, by Redis.
    pub(super) time: u64,
    pub(super) number: u64,
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, number) = text.split_once('-').ok_or(())?;
        let part = |text: &str| text.parse().map_err(|_| ());
        Ok(Self { time: part(time)?, number: part(number)? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time, self.number)
    }
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    All,
    Url(String),
    Prefix(String),
    Tag(String),
    /// The log was begun anew: what was told before is lost.
    Begun,
    /// What a later version says.
    Unknown,
}

impl What {
    pub(super) fn of(purged: &Purged<'_>) -> Self {
        match purged {
            Purged::All => Self::All,
            Purged::Url(key) => Self::Url(key.url()),
            Purged::Prefix(prefix) => Self::Prefix((*prefix).to_owned()),
            Purged::Tag(tag) => Self::Tag((*tag).to_owned()),
        }
    }

    pub(super) fn read(kind: &str, text: String) -> Self {
        match kind {
            "all" => Self::All,
            "url" => Self::Url(text),
            "prefix" => Self::Prefix(text),
            "tag" => Self::Tag(text),
            "begun" => Self::Begun,
            _ => Self::Unknown,
        }
    }

    /// What [`read`](Self::read) takes.
    pub(super) fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::All => ("all", ""),
            Self::Url(text) => ("url", text),
            Self::Prefix(text) => ("prefix", text),
            Self::Tag(text) => ("tag", text),
            Self::Begun => ("begun", ""),
            Self::Unknown => ("unknown", ""),
        }
    }

    fn is_about(&self, url: &str, entry: &Entry) -> bool {
        match self {
            Self::All | Self::Unknown => true,
            Self::Url(text) => text == url,
            Self::Prefix(text) => url.starts_with(text.as_str()),
            Self::Tag(text) => entry.has_tag(text),
            Self::Begun => false,
        }
    }
}

/// A change as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) position: Position,
    /// The change before it; `None` for the first one.
    pub(super) after: Option<Position>,
    /// The replica that made it.
    pub(super) by: String,
    pub(super) what: What,
    pub(super) is_soft: bool,
}

impl Change {
    /// Whether it is about entries that are still in Redis: the others were removed there with it.
    fn is_ban(&self) -> bool {
        self.is_soft || !matches!(self.what, What::Url(_))
    }
}

/// What a change did to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Untouched,
    Expired,
    /// Purged, or older than what is known of purges.
    Gone,
}

/// Changes that entries in Redis are held against when they are read, as it would take too long to go over all of them.
#[derive(Debug, Default)]
pub(super) struct Bans {
    /// The latest last.
    changes: Vec<Change>,
    /// Of what is older, changes may be forgotten.
    floor: Position,
}

/// How many are kept, here and in Redis.
pub(super) const MOST_BANS: usize = 1024;

impl Bans {
    /// What Redis has, the latest last.
    pub(super) fn new(changes: Vec<Change>) -> Self {
        let first = changes.first();
        let floor = first.map(|first| first.after.unwrap_or(first.position)).unwrap_or_default();
        Self { changes, floor }
    }

    pub(super) fn add(&mut self, change: &Change) {
        if !change.is_ban() {
            return;
        }
        // Its own changes a replica knows before it has heard of those of others that came first.
        let place = self.changes.binary_search_by_key(&change.position, |known| known.position);
        let Err(at) = place else { return };
        self.changes.insert(at, change.clone());
        if self.changes.len() > MOST_BANS {
            self.floor = self.floor.max(self.changes.remove(0).position);
        }
    }

    /// What became of an entry whose writer had heard of everything up to `position`.
    pub(super) fn standing(&self, position: Position, url: &str, entry: &Entry) -> Standing {
        if position < self.floor {
            return Standing::Gone;
        }
        let later = self.changes.iter().rev().take_while(|change| change.position > position);
        let mut standing = Standing::Untouched;
        for change in later.filter(|change| change.what.is_about(url, entry)) {
            if !change.is_soft {
                return Standing::Gone;
            }
            standing = Standing::Expired;
        }
        standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::assess::sample;

    fn change(number: u64, what: What, is_soft: bool) -> Change {
        let position = |number| Position { time: 0, number };
        let after = number.checked_sub(1).map(position);
        Change { position: position(number), after, by: "me".into(), what, is_soft }
    }

    fn standing(changes: Vec<Change>, number: u64) -> Standing {
        let entry = sample(200, &[("cache-control", "max-age=60"), ("cache-tag", "a, b")], "", 0);
        Bans::new(changes).standing(Position { time: 0, number }, "http://a.test/x", &entry)
    }

    #[test]
    fn later_changes_count_and_earlier_ones_do_not() {
        for (what, is_about) in [
            (What::All, true),
            (What::Tag("b".into()), true),
            (What::Tag("c".into()), false),
            (What::Prefix("http://a.test/".into()), true),
            (What::Prefix("http://b.test/".into()), false),
            (What::Url("http://a.test/x".into()), true),
            (What::Begun, false),
            (What::Unknown, true),
        ] {
            let of = |is_soft| vec![change(1, What::Begun, false), change(5, what.clone(), is_soft)];
            let expected = |standing| if is_about { standing } else { Standing::Untouched };
            assert_eq!(standing(of(false), 4), expected(Standing::Gone), "{what:?}");
            assert_eq!(standing(of(true), 4), expected(Standing::Expired), "{what:?}");
            assert_eq!(standing(of(false), 5), Standing::Untouched, "{what:?}");
        }
    }

    #[test]
    fn what_is_older_than_the_changes_that_are_known_is_gone() {
        let forgotten = vec![change(7, What::Tag("z".into()), true)];
        assert_eq!(standing(forgotten.clone(), 5), Standing::Gone);
        assert_eq!(standing(forgotten, 6), Standing::Untouched);
        let mut bans = Bans::new(vec![change(0, What::Begun, false)]);
        (1..=MOST_BANS as u64 + 1).for_each(|at| bans.add(&change(at, What::Tag("z".into()), true)));
        assert_eq!((bans.changes.len(), bans.floor.number), (MOST_BANS, 1));
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        for text in ["0-0", "1700000000000-12", "18446744073709551615-1"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        for text in ["", "-", "1", "1-", "-1", "a-1", "1-2-3"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_read_as_it_is_written() {
        let text = String::from("x");
        for what in
            [What::All, What::Url(text.clone()), What::Prefix(text.clone()), What::Tag(text), What::Begun]
        {
            let (kind, text) = what.parts();
            assert_eq!(What::read(kind, text.to_owned()), what);
        }
        assert_eq!(What::read("newer", String::new()), What::Unknown);
    }
}
