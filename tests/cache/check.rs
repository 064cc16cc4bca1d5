//! What a step of a case expects, and what it says where something else came.

use super::client::Answer;
use super::origin::Seen;
use super::wire::split;

/// Who made the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// The cache alone.
    Hit,
    /// The origin, whose answer was passed on.
    Miss,
    /// The cache, after the origin confirmed what is stored.
    Validated,
    /// Whoever; so many requests came to the origin.
    Asked(usize),
    /// Whoever; no more requests came to the origin than so many.
    AskedAtMost(usize),
    /// Whoever, however: both are right.
    Either,
}

#[derive(Debug, Clone)]
pub(crate) enum Check {
    Status(Vec<u16>),
    Shows(String),
    Count(&'static str, usize),
    Content(String),
    /// That of the origin's answer with this number, counted from one.
    ContentOf(usize),
    Contains(&'static str),
    OriginSaw(String),
    OriginMissed(&'static str),
    OriginGot(&'static str),
    Trailer(&'static str),
    Interim(u16, &'static str),
    Broken,
    /// The field may come from the origin, but not from the store alone.
    NotReused(&'static str),
    CacheStatus(&'static str),
    NoCacheStatus(&'static str),
    AnyContent,
}

/// What came of a step.
pub(crate) struct Outcome<'a> {
    pub(crate) answer: &'a Answer,
    /// All requests at the origin, those of this step from `fresh` on.
    pub(crate) seen: &'a [Seen],
    pub(crate) fresh: usize,
    pub(crate) target: &'a str,
    pub(crate) method: &'a str,
}

impl Outcome<'_> {
    pub(crate) fn problems(&self, served: Served, checks: &[Check]) -> Vec<String> {
        let mut problems = self.serving(served);
        if !checks.iter().any(|check| matches!(check, Check::Broken)) && !self.answer.is_whole {
            problems.push("the answer broke off".to_owned());
        }
        let is_explicit = |check: &Check| {
            matches!(
                check,
                Check::Content(_)
                    | Check::ContentOf(_)
                    | Check::Contains(_)
                    | Check::AnyContent
                    | Check::Broken
            )
        };
        if self.method == "GET" && !checks.iter().any(is_explicit) {
            problems.extend(self.content(served));
        }
        if served == Served::Miss
            && !checks.iter().any(|check| matches!(check, Check::Status(_) | Check::Broken))
        {
            problems.extend(self.passed_status());
        }
        problems.extend(checks.iter().filter_map(|check| self.problem(check)));
        problems
    }

    fn asked(&self) -> &[Seen] {
        &self.seen[self.fresh..]
    }

    fn serving(&self, served: Served) -> Vec<String> {
        let asked = self.asked().len();
        let wanted = match served {
            Served::Hit => 0,
            Served::Miss | Served::Validated => 1,
            Served::Asked(requests) => requests,
            Served::AskedAtMost(requests) => asked.min(requests),
            Served::Either => asked,
        };
        let mut problems = Vec::new();
        if asked != wanted {
            problems.push(format!("{wanted} requests to the origin were expected, {asked} came"));
        }
        if served == Served::Validated && !self.asked().iter().all(Seen::is_conditional) {
            problems.push("the origin got no condition".to_owned());
        }
        let is_answered = self.answer.status != 0 && self.answer.status != 504;
        if served == Served::Hit && is_answered && self.answer.fields.all("age").count() != 1 {
            problems.push("a stored answer has exactly one Age (RFC 9111 §5.1)".to_owned());
        }
        problems
    }

    /// By default a hit shows what the origin last sent for this target, and a miss what it sent just now.
    fn content(&self, served: Served) -> Option<String> {
        if matches!(self.answer.status, 204 | 304 | 206)
            || matches!(served, Served::Asked(_) | Served::AskedAtMost(_) | Served::Either)
        {
            return None;
        }
        let is_full =
            |seen: &&Seen| seen.target == self.target && seen.sent_status != 304 && seen.method != "HEAD";
        let source = match served {
            Served::Miss => self.asked().iter().rev().find(is_full),
            _ => self.seen[..self.fresh].iter().rev().find(is_full),
        };
        source.and_then(|seen| self.is_content(&seen.sent_content))
    }

    fn passed_status(&self) -> Option<String> {
        let sent = self.asked().last()?.sent_status;
        (sent != self.answer.status).then(|| format!("the origin sent {sent}, got {}", self.answer.status))
    }

    fn is_content(&self, wanted: &str) -> Option<String> {
        let got = &self.answer.content;
        (got != wanted).then(|| format!("the content {wanted:?} was expected, got {got:?}"))
    }

    fn problem(&self, check: &Check) -> Option<String> {
        let fields = &self.answer.fields;
        match check {
            Check::Status(wanted) => {
                let got = self.answer.status;
                (!wanted.contains(&got)).then(|| format!("status {wanted:?} was expected, got {got}"))
            }
            Check::Shows(line) => {
                (!fields.shows(line)).then(|| format!("{line:?} was expected, got {}", shown(fields, line)))
            }
            Check::Count(name, wanted) => {
                let got = fields.all(name).count();
                (got != *wanted).then(|| format!("{wanted} lines of {name} were expected, got {got}"))
            }
            Check::Content(wanted) => self.is_content(wanted),
            Check::ContentOf(number) => self.is_content(&self.seen.get(number - 1)?.sent_content),
            Check::Contains(part) => {
                let got = &self.answer.content;
                (!got.contains(part)).then(|| format!("{part:?} was expected in the content, got {got:?}"))
            }
            Check::Broken => self.answer.is_whole.then(|| "the answer did not break off".to_owned()),
            Check::Trailer(line) => {
                let got = &self.answer.trailers;
                (!got.shows(line)).then(|| format!("trailer {line:?} was expected, got {got:?}"))
            }
            Check::Interim(status, line) => {
                let has = |head: &super::wire::Head| head.status() == *status && head.fields.shows(line);
                let missing = !self.answer.interim.iter().any(has);
                missing.then(|| format!("no interim answer {status} with {line:?}"))
            }
            Check::OriginSaw(_) | Check::OriginMissed(_) | Check::OriginGot(_) => self.origin_problem(check),
            Check::CacheStatus(_) | Check::NoCacheStatus(_) => self.status_problem(check),
            Check::NotReused(name) => (self.asked().is_empty() && fields.has(name))
                .then(|| format!("{name} was reused without asking the origin")),
            Check::AnyContent => None,
        }
    }

    fn origin_problem(&self, check: &Check) -> Option<String> {
        let Some(seen) = self.asked().last() else { return Some("the origin was not asked".to_owned()) };
        match check {
            Check::OriginSaw(line) => (!seen.fields.shows(line))
                .then(|| format!("the origin should see {line:?}, saw {}", shown(&seen.fields, line))),
            Check::OriginGot(wanted) => (seen.content != *wanted)
                .then(|| format!("the origin should get {wanted:?}, got {:?}", seen.content)),
            Check::OriginMissed(name) => {
                seen.fields.first(name).map(|value| format!("the origin should not see {name}: {value}"))
            }
            _ => None,
        }
    }

    fn status_problem(&self, check: &Check) -> Option<String> {
        let parameters = own_member(self.answer.fields.all("cache-status"));
        match check {
            Check::CacheStatus(wanted) => (!parameters.iter().any(|own| own == wanted))
                .then(|| format!("Cache-Status should have {wanted}, has {parameters:?}")),
            Check::NoCacheStatus(unwanted) => parameters
                .iter()
                .any(|own| own == unwanted || own.starts_with(&format!("{unwanted}=")))
                .then(|| format!("Cache-Status should not have {unwanted}, has {parameters:?}")),
            _ => None,
        }
    }
}

fn shown(fields: &super::wire::Fields, line: &str) -> String {
    let name = split(line).0;
    let values: Vec<&str> = fields.all(&name).collect();
    format!("{values:?}")
}

/// The parameters of the last member, which is that of the cache next to the client: RFC 9211 §2.
fn own_member<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let joined = lines.collect::<Vec<_>>().join(", ");
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for character in joined.chars() {
        match character {
            ',' if !is_quoted => parts = vec![String::new()],
            ';' if !is_quoted => parts.push(String::new()),
            _ => {
                is_quoted ^= character == '"';
                parts.last_mut().expect("never empty").push(character);
            }
        }
    }
    parts.iter().skip(1).map(|part| part.trim().to_owned()).collect()
}

#[test]
fn the_last_member_of_cache_status_counts() {
    let lines = ["Far; hit; ttl=3, \"a,b\"; fwd=miss", "Near; fwd=stale; key=\"a;b\"; stored"];
    assert_eq!(own_member(lines.into_iter()), ["fwd=stale", "key=\"a;b\"", "stored"]);
    assert!(own_member([].into_iter()).is_empty());
}
