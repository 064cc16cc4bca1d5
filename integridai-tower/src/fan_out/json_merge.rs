//! Answers in JSON become one document.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};

use super::json_object::{Members, is_json, members, write_member, write_text};
use super::merge::{Answers, Merge};
use crate::ConfigError;

/// Merges answers in JSON, as it is declared: each one a member of an object, or its members, or an element of a list.
///
/// An answer that is no JSON is not accepted. What an answer holds is copied as it is written. Optional branches that are missing are
/// listed in a member of their own, and a document with such a list is not to be stored by caches.
///
/// ```
/// use integridai_tower::fan_out::JsonMerge;
///
/// // {"name": "alice", "age": 41, "orders": […], "advice": null, "missing": ["advertisement"]}
/// let merge = JsonMerge::members().flatten("profile").member("advertisement", "advice");
/// // {"results": [{…}, null, {…}], "missing": ["part-1"]}
/// let merge = JsonMerge::list("results");
/// # let _ = merge;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct JsonMerge {
    layout: Layout,
    missing: Cow<'static, str>,
}

#[derive(Debug, Clone)]
enum Layout {
    Members(Vec<(Cow<'static, str>, Place)>),
    List(Cow<'static, str>),
}

#[derive(Debug, Clone)]
enum Place {
    Member(Cow<'static, str>),
    Flattened,
}

impl JsonMerge {
    /// An object in which each answer is the member of its branch's name; `null` where it is missing.
    pub fn members() -> Self {
        Self { layout: Layout::Members(Vec::new()), missing: "missing".into() }
    }

    /// An object with a list of all answers, in the order of the branches; `null` where one is missing.
    pub fn list(member: impl Into<Cow<'static, str>>) -> Self {
        Self { layout: Layout::List(member.into()), missing: "missing".into() }
    }

    /// The answer of this branch is a member of another name.
    pub fn member(self, branch: impl Into<Cow<'static, str>>, member: impl Into<Cow<'static, str>>) -> Self {
        self.place(branch.into(), Place::Member(member.into()))
    }

    /// The answer of this branch has to be an object, and its members are members of the whole. Of members of one name, that of
    /// the first branch stays.
    pub fn flatten(self, branch: impl Into<Cow<'static, str>>) -> Self {
        self.place(branch.into(), Place::Flattened)
    }

    /// The name of the list of missing branches; `missing` unless told.
    pub fn missing_member(mut self, member: impl Into<Cow<'static, str>>) -> Self {
        self.missing = member.into();
        self
    }

    fn place(mut self, branch: Cow<'static, str>, place: Place) -> Self {
        match &mut self.layout {
            Layout::Members(places) => {
                places.retain(|(known, _)| *known != branch);
                places.push((branch, place));
            }
            // All answers of a list have their place.
            Layout::List(_) => {}
        }
        self
    }

    fn placed(&self, branch: &str) -> Option<&Place> {
        match &self.layout {
            Layout::Members(places) => places.iter().find(|(name, _)| name == branch).map(|(_, place)| place),
            Layout::List(_) => None,
        }
    }

    /// The names of members that are known before there are answers.
    fn names<'a>(&'a self, branches: &[&'a str]) -> Vec<&'a str> {
        let missing = std::iter::once(&*self.missing);
        let member = |branch: &&'a str| match self.placed(branch) {
            Some(Place::Flattened) => None,
            Some(Place::Member(name)) => Some(&**name),
            None => Some(*branch),
        };
        match &self.layout {
            Layout::List(list) => missing.chain([&**list]).collect(),
            Layout::Members(_) => missing.chain(branches.iter().filter_map(member)).collect(),
        }
    }

    fn document(&self, answers: &Answers) -> Vec<u8> {
        let length: usize = answers.iter().filter_map(|(_, answer)| Some(answer.ok()?.body().len())).sum();
        let mut text = Vec::with_capacity(length + 64 * answers.outcomes().len() + 64);
        text.push(b'{');
        match &self.layout {
            Layout::List(member) => self.write_list(member, answers, &mut text),
            Layout::Members(_) => self.write_members(answers, &mut text),
        }
        self.write_missing(answers, &mut text);
        text.push(b'}');
        text
    }

    fn write_list(&self, member: &str, answers: &Answers, text: &mut Vec<u8>) {
        let mut list = vec![b'['];
        for (index, (_, answer)) in answers.iter().enumerate() {
            if index > 0 {
                list.push(b',');
            }
            list.extend_from_slice(answer.map_or(b"null", |response| response.body()));
        }
        list.push(b']');
        write_member(text, member, &list);
    }

    fn write_members(&self, answers: &Answers, text: &mut Vec<u8>) {
        let mut written = Members::reserving(&self.missing);
        for (branch, answer) in answers.iter() {
            let name = match self.placed(&branch.name) {
                Some(Place::Flattened) => {
                    let body = answer.map_or(&b"{}"[..], |response| response.body());
                    for (name, value) in members(body).unwrap_or_default() {
                        written.write(text, name.into(), value.get().as_bytes());
                    }
                    continue;
                }
                Some(Place::Member(name)) => name,
                None => &branch.name,
            };
            written.write(text, Cow::Borrowed(name), answer.map_or(b"null", |response| response.body()));
        }
    }

    fn write_missing(&self, answers: &Answers, text: &mut Vec<u8>) {
        let mut list = Vec::new();
        for branch in answers.outcomes().missing() {
            list.push(if list.is_empty() { b'[' } else { b',' });
            write_text(&mut list, &branch.name);
        }
        if !list.is_empty() {
            list.push(b']');
            write_member(text, &self.missing, &list);
        }
    }
}

impl Merge for JsonMerge {
    /// A status of 2xx and a body of JSON; for one that is flattened, of an object.
    fn accept(&self, branch: &str, response: &Response<Bytes>) -> bool {
        let is_readable = match self.placed(branch) {
            Some(Place::Flattened) => members(response.body()).is_some(),
            _ => is_json(response.body()),
        };
        response.status().is_success() && is_readable
    }

    fn merge(&self, answers: Answers) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.document(&answers)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if answers.outcomes().missing().next().is_some() {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }

    fn check(&self, branches: &[&str]) -> Result<(), ConfigError> {
        let known = |name: &str| branches.contains(&name);
        if let Layout::Members(places) = &self.layout
            && let Some((name, _)) = places.iter().find(|(name, _)| !known(name))
        {
            return Err(ConfigError::new("merge", format!("there is no branch {name}")));
        }
        let names = self.names(branches);
        let mut doubles = names.iter().enumerate().filter(|(index, name)| names[..*index].contains(name));
        doubles.next().map_or(Ok(()), |(_, name)| {
            Err(ConfigError::new("merge", format!("more than one member would be called {name}")))
        })
    }
}
