//! The language of the cases: a sequence of requests, what the origin does with each, and what the client should get.

use super::check::{Check, Served};
use super::client::Question;
use super::script::{Fault, Framed, Hold, Script};

/// One behaviour, by a name that says it and the section that asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) section: &'static str,
    pub(crate) cache: Configuration,
    pub(crate) steps: Vec<Step>,
}

/// How the cache of a case differs from one with default settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Configuration {
    pub(crate) is_private: bool,
    /// The target list of RFC 9213 §2.1 in place of the default one.
    pub(crate) targeted: Option<Vec<&'static str>>,
    pub(crate) largest_body: Option<usize>,
    pub(crate) sorts_query: bool,
    /// Lets requests choose by the directives of RFC 9111 §5.2.1.
    pub(crate) hears_clients: bool,
    /// A principal stands in the extensions of requests that carry `as: NAME`.
    pub(crate) knows_principals: bool,
}

impl Configuration {
    pub(crate) fn is_default(&self) -> bool {
        !self.is_private
            && self.targeted.is_none()
            && self.largest_body.is_none()
            && !self.sorts_query
            && !self.hears_clients
            && !self.knows_principals
    }
}

pub(crate) fn case(id: impl Into<String>, section: &'static str) -> Case {
    Case { id: id.into(), section, cache: Configuration::default(), steps: Vec::new() }
}

/// A GET answered with these lines, and a second one three seconds later that the store answers.
pub(crate) fn reused(id: impl Into<String>, section: &'static str, lines: &[&str]) -> Case {
    case(id, section).then(get().gives(lines)).then(get().after(3).hit())
}

/// A GET answered with these lines, and a second one three seconds later that goes to the origin.
pub(crate) fn refetched(id: impl Into<String>, section: &'static str, lines: &[&str]) -> Case {
    case(id, section).then(get().gives(lines)).then(get().after(3).miss())
}

impl Case {
    pub(crate) fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(crate) fn private(mut self) -> Self {
        self.cache.is_private = true;
        self
    }

    pub(crate) fn targeted(mut self, fields: &[&'static str]) -> Self {
        self.cache.targeted = Some(fields.to_vec());
        self
    }

    pub(crate) fn largest_body(mut self, bytes: usize) -> Self {
        self.cache.largest_body = Some(bytes);
        self
    }

    pub(crate) fn sorted_query(mut self) -> Self {
        self.cache.sorts_query = true;
        self
    }

    pub(crate) fn hearing_clients(mut self) -> Self {
        self.cache.hears_clients = true;
        self
    }

    pub(crate) fn with_principals(mut self) -> Self {
        self.cache.knows_principals = true;
        self
    }

    /// Whether the case holds for a cache that runs elsewhere, with default settings and by the system's time: what is
    /// fresh later is fresh at once.
    pub(crate) fn needs_no_clock(&self) -> bool {
        let is_timed = |check: &Check| match check {
            Check::Shows(line) => line.starts_with("age:"),
            Check::CacheStatus(parameter) => parameter.starts_with("ttl"),
            _ => false,
        };
        let is_plain = |step: &Step| {
            let waits = step.scripts.iter().any(|script| !matches!(script.hold, Hold::No));
            let passes_time = step.after > 0 && step.served != Served::Hit;
            let mut lines = step.scripts.iter().flat_map(|script| &script.lines);
            let goes_on_beside = lines.any(|line| line.contains("stale-while-revalidate"));
            !waits
                && !passes_time
                && !goes_on_beside
                && step.purges.is_none()
                && !step.checks.iter().any(is_timed)
        };
        self.cache.is_default() && self.steps.iter().all(is_plain)
    }
}

/// What is purged before a request is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purge {
    Target(&'static str),
    Prefix(&'static str),
    Tag(&'static str),
    SoftTag(&'static str),
    All,
}

/// How many clients send the request of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    Together(usize),
    /// The first one leaves once the origin has its request and the others wait.
    FirstLeaves(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) after: u64,
    pub(crate) purges: Option<Purge>,
    pub(crate) question: Question,
    pub(crate) scripts: Vec<Script>,
    pub(crate) clients: Clients,
    /// What each client says in a field of its own; the origin echoes it, and each has to get its own back.
    pub(crate) own: Option<(&'static str, &'static [&'static str])>,
    pub(crate) served: Served,
    pub(crate) checks: Vec<Check>,
}

pub(crate) fn get() -> Step {
    method("GET")
}

pub(crate) fn head() -> Step {
    method("HEAD")
}

pub(crate) fn method(name: &str) -> Step {
    Step {
        after: 0,
        purges: None,
        question: Question { method: name.to_owned(), target: "/item".to_owned(), ..Question::default() },
        scripts: vec![Script::default()],
        clients: Clients::Together(1),
        own: None,
        served: Served::Miss,
        checks: Vec::new(),
    }
}

/// The request.
impl Step {
    /// Seconds that pass before it.
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.after = seconds;
        self
    }

    pub(crate) fn at(mut self, target: &str) -> Self {
        target.clone_into(&mut self.question.target);
        self
    }

    pub(crate) fn sends(mut self, line: impl Into<String>) -> Self {
        self.question.lines.push(line.into());
        self
    }

    pub(crate) fn carries(mut self, content: &str) -> Self {
        self.question.content = Some(content.to_owned());
        self
    }

    pub(crate) fn purging(mut self, purge: Purge) -> Self {
        self.purges = Some(purge);
        self
    }

    pub(crate) fn together(mut self, clients: usize) -> Self {
        self.clients = Clients::Together(clients);
        self
    }

    /// One client per value, all together; the origin echoes the value to each.
    pub(crate) fn each_sends(mut self, name: &'static str, values: &'static [&'static str]) -> Self {
        self.own = Some((name, values));
        self.script().echoes = Some(name);
        self.together(values.len())
    }

    pub(crate) fn first_leaves(mut self, clients: usize) -> Self {
        self.clients = Clients::FirstLeaves(clients);
        self
    }
}

/// What the origin does.
impl Step {
    pub(crate) fn gives(mut self, lines: &[&str]) -> Self {
        self.script().lines.extend(lines.iter().map(|line| (*line).to_owned()));
        self
    }

    pub(crate) fn gives_status(mut self, status: u16) -> Self {
        self.script().status = status;
        self
    }

    pub(crate) fn gives_content(mut self, content: &str) -> Self {
        self.script().content = Some(content.to_owned());
        self
    }

    pub(crate) fn gives_trailers(mut self, lines: &[&str]) -> Self {
        self.script().trailers = lines.iter().map(|line| (*line).to_owned()).collect();
        self.framed(Framed::Chunked)
    }

    pub(crate) fn gives_interim(mut self, status: u16, lines: &[&str]) -> Self {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.script().interim.push((status, lines));
        self
    }

    pub(crate) fn framed(mut self, framed: Framed) -> Self {
        self.script().framed = framed;
        self
    }

    pub(crate) fn fails(mut self, fault: Fault) -> Self {
        self.script().fault = fault;
        self
    }

    pub(crate) fn held(mut self, hold: Hold) -> Self {
        self.script().hold = hold;
        self
    }

    /// Pieces of the content end with `|`; after each one the origin waits until so many clients have it.
    pub(crate) fn paced(mut self, clients: usize) -> Self {
        self.script().paced = clients;
        self
    }

    pub(crate) fn undated(mut self) -> Self {
        self.script().is_dated = false;
        self
    }

    /// A further request of this step is answered with what follows.
    pub(crate) fn next_answer(mut self) -> Self {
        self.scripts.push(Script::default());
        self
    }

    fn script(&mut self) -> &mut Script {
        self.scripts.last_mut().expect("a step begins with one")
    }
}

/// What the client gets.
impl Step {
    pub(crate) fn hit(mut self) -> Self {
        self.served = Served::Hit;
        self
    }

    pub(crate) fn miss(mut self) -> Self {
        self.served = Served::Miss;
        self
    }

    /// The origin is asked with a condition and confirms.
    pub(crate) fn validated(mut self) -> Self {
        self.script().confirms = true;
        self.served = Served::Validated;
        self
    }

    pub(crate) fn asks(mut self, requests: usize) -> Self {
        self.served = Served::Asked(requests);
        self
    }

    pub(crate) fn asks_at_most(mut self, requests: usize) -> Self {
        self.served = Served::AskedAtMost(requests);
        self
    }

    /// Both the store and the origin may answer.
    pub(crate) fn either(mut self) -> Self {
        self.served = Served::Either;
        self
    }

    pub(crate) fn status(self, status: u16) -> Self {
        self.status_of(&[status])
    }

    pub(crate) fn status_of(self, allowed: &[u16]) -> Self {
        self.check(Check::Status(allowed.to_vec()))
    }

    pub(crate) fn shows(self, line: impl Into<String>) -> Self {
        self.check(Check::Shows(line.into()))
    }

    pub(crate) fn lacks(self, name: &'static str) -> Self {
        self.check(Check::Count(name, 0))
    }

    pub(crate) fn counts(self, name: &'static str, lines: usize) -> Self {
        self.check(Check::Count(name, lines))
    }

    pub(crate) fn content(self, content: &str) -> Self {
        self.check(Check::Content(content.to_owned()))
    }

    pub(crate) fn content_of(self, number: usize) -> Self {
        self.check(Check::ContentOf(number))
    }

    pub(crate) fn contains(self, part: &'static str) -> Self {
        self.check(Check::Contains(part))
    }

    pub(crate) fn any_content(self) -> Self {
        self.check(Check::AnyContent)
    }

    pub(crate) fn origin_saw(self, line: impl Into<String>) -> Self {
        self.check(Check::OriginSaw(line.into()))
    }

    pub(crate) fn origin_missed(self, name: &'static str) -> Self {
        self.check(Check::OriginMissed(name))
    }

    pub(crate) fn origin_got(self, content: &'static str) -> Self {
        self.check(Check::OriginGot(content))
    }

    pub(crate) fn trailer(self, line: &'static str) -> Self {
        self.check(Check::Trailer(line))
    }

    pub(crate) fn interim(self, status: u16, line: &'static str) -> Self {
        self.check(Check::Interim(status, line))
    }

    pub(crate) fn broken(self) -> Self {
        self.check(Check::Broken)
    }

    pub(crate) fn not_reused(self, name: &'static str) -> Self {
        self.check(Check::NotReused(name))
    }

    pub(crate) fn cache_status(self, parameter: &'static str) -> Self {
        self.check(Check::CacheStatus(parameter))
    }

    pub(crate) fn no_cache_status(self, parameter: &'static str) -> Self {
        self.check(Check::NoCacheStatus(parameter))
    }

    fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }
}
