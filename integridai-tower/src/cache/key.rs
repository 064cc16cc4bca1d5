//! What one stored resource stands for: the full URL (RFC 9111 §2).

use std::borrow::Cow;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use http::{HeaderValue, Uri};
use siphasher::sip128::{Hasher128, SipHasher13};

/// The URL that a request is for, with a digest of it. Host and scheme are without case and the default port left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'a> {
    digest: u128,
    scheme: Cow<'a, str>,
    /// Text, where it is one that a host has: to see that of each request would cost more than all the rest.
    authority: Cow<'a, [u8]>,
    target: Cow<'a, str>,
}

/// URLs up to this length are put together on the stack.
const SHORT: usize = 256;

/// Makes keys; the secret keeps clients from choosing URLs that collide.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    secret: Secret,
    scheme: &'static str,
    sorts_query: bool,
}

pub(super) type Secret = (u64, u64);

impl Keys {
    /// `scheme` is that of requests whose target does not tell.
    pub(super) fn new(scheme: &'static str, sorts_query: bool) -> Self {
        Self { secret: (rand::random(), rand::random()), scheme, sorts_query }
    }

    pub(super) fn with_secret(self, secret: Secret) -> Self {
        Self { secret, ..self }
    }

    pub(super) fn secret(&self) -> Secret {
        self.secret
    }

    pub(super) fn scheme(self, scheme: &'static str) -> Self {
        Self { scheme, ..self }
    }

    pub(super) fn sorts_query(self, sorts_query: bool) -> Self {
        Self { sorts_query, ..self }
    }

    /// That of a target whose authority `host` tells, where it does not itself.
    pub(super) fn of<'a>(&self, target: &'a Uri, host: Option<&'a HeaderValue>) -> Key<'a> {
        let authority = authority_of(target, host);
        self.make(target.scheme_str(), (authority, kinds(authority)), target_of(target))
    }

    /// The same, if target and `Host` name the same host, in characters that a host and its port can have, and no user.
    pub(super) fn of_one_host<'a>(&self, target: &'a Uri, host: Option<&'a HeaderValue>) -> Option<Key<'a>> {
        let authority = authority_of(target, host);
        let kinds = kinds(authority);
        let is_one = kinds & OTHER == 0
            && host.is_none_or(|host| {
                target.authority().is_none() || host.as_bytes().eq_ignore_ascii_case(authority)
            });
        is_one.then(|| self.make(target.scheme_str(), (authority, kinds), target_of(target)))
    }

    /// That of a target of which the digest is known.
    pub(super) fn known<'a>(&self, digest: u128, target: &'a Uri, host: Option<&'a HeaderValue>) -> Key<'a> {
        let authority = authority_of(target, host);
        let authority = (authority, kinds(authority));
        Key { digest, ..self.parts(target.scheme_str(), authority, target_of(target)) }
    }

    /// That of a full URL.
    pub(super) fn of_url<'a>(&self, url: &'a Uri) -> Key<'a> {
        self.of(url, None)
    }

    /// That of a URL as a key writes it.
    pub(super) fn of_written<'a>(&self, url: &'a str) -> Key<'a> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, target) = rest.split_at(rest.find(['/', '*']).unwrap_or(rest.len()));
        let digest = self.of_parts([scheme, authority, target].map(str::as_bytes));
        Key { digest, scheme: scheme.into(), authority: authority.as_bytes().into(), target: target.into() }
    }

    fn make<'a>(&self, scheme: Option<&'a str>, authority: (&'a [u8], u8), target: &'a str) -> Key<'a> {
        let mut key = self.parts(scheme, authority, target);
        key.digest = self.of_parts([key.scheme.as_bytes(), &key.authority, key.target.as_bytes()]);
        key
    }

    /// Without its digest; the authority with its [`kinds`].
    fn parts<'a>(&self, scheme: Option<&'a str>, authority: (&'a [u8], u8), target: &'a str) -> Key<'a> {
        let scheme = scheme.map_or(Cow::Borrowed(self.scheme), lower_case);
        let default_port: &[u8] = if scheme == "https" { b":443" } else { b":80" };
        let authority = host_of(authority, default_port);
        let target = if self.sorts_query { sorted(target) } else { Cow::Borrowed(target) };
        Key { digest: 0, scheme, authority, target }
    }

    /// None of the parts has a line feed, so they cannot run into each other.
    fn of_parts(&self, parts: [&[u8]; 3]) -> u128 {
        let hasher = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        let [scheme, authority, target] = parts;
        let length = scheme.len() + authority.len() + target.len() + 2;
        let mut short = [b'\n'; SHORT];
        let Some(text) = short.get_mut(..length) else {
            return hasher.hash(&parts.join(&b'\n')).as_u128();
        };
        text[..scheme.len()].copy_from_slice(scheme);
        text[scheme.len() + 1..][..authority.len()].copy_from_slice(authority);
        text[length - target.len()..].copy_from_slice(target);
        hasher.hash(text).as_u128()
    }

    pub(super) fn digest(&self, write: impl FnOnce(&mut SipHasher13)) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        write(&mut hasher);
        hasher.finish128().as_u128()
    }
}

impl Key<'_> {
    /// Differs between processes.
    #[must_use]
    pub fn digest(&self) -> u128 {
        self.digest
    }

    /// `https://host/path?query`
    #[must_use]
    pub fn url(&self) -> String {
        [&*self.scheme, "://", self.authority(), &*self.target].concat()
    }

    pub(super) fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(super) fn authority(&self) -> &str {
        std::str::from_utf8(&self.authority).unwrap_or("")
    }

    pub(super) fn into_owned(self) -> Key<'static> {
        Key {
            digest: self.digest,
            scheme: Cow::Owned(self.scheme.into_owned()),
            authority: Cow::Owned(self.authority.into_owned()),
            target: Cow::Owned(self.target.into_owned()),
        }
    }
}

/// Hashes digests, which are as good as random already.
#[derive(Debug, Default)]
pub(super) struct DigestHasher(u64);

/// For maps by digest.
pub(super) type ByDigest = BuildHasherDefault<DigestHasher>;

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = (digest >> 64) as u64;
    }
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

fn authority_of<'a>(target: &'a Uri, host: Option<&'a HeaderValue>) -> &'a [u8] {
    match target.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => host.map_or(b"", HeaderValue::as_bytes),
    }
}

fn target_of(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Letters in upper case.
const UPPER: u8 = 1;
/// What a host and its port do not have.
const OTHER: u8 = 2;
static KINDS: [u8; 256] = kinds_of_bytes();

const fn kinds_of_bytes() -> [u8; 256] {
    let mut kinds = [OTHER; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        kinds[byte as usize] = match byte {
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b'[' | b']' => 0,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
}

/// Which kinds of bytes there are, without an early end: that would be a branch for each byte.
fn kinds(text: &[u8]) -> u8 {
    text.iter().fold(0, |kinds, &byte| kinds | KINDS[usize::from(byte)])
}

/// Without user, default port and case.
fn host_of<'a>((authority, kinds): (&'a [u8], u8), default_port: &[u8]) -> Cow<'a, [u8]> {
    let without_port = |host: &'a [u8]| host.strip_suffix(default_port).unwrap_or(host);
    if kinds == 0 {
        return Cow::Borrowed(without_port(authority));
    }
    let host = authority.rsplit(|&byte| byte == b'@').next().unwrap_or(authority);
    Cow::Owned(without_port(host).to_ascii_lowercase())
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Parameters in the order of their names; those of one name stay in theirs.
fn sorted(target: &str) -> Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
    let mut parameters: Vec<&str> = query.split('&').collect();
    let name = |parameter: &&str| parameter.split('=').next().unwrap_or("").to_owned();
    if parameters.is_sorted_by_key(name) {
        return Cow::Borrowed(target);
    }
    parameters.sort_by_key(name);
    Cow::Owned(format!("{path}?{}", parameters.join("&")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_request_is_for_one_host() {
        let is = |target: &str, host: Option<&[u8]>| {
            let host = host.map(|host| HeaderValue::from_bytes(host).unwrap());
            Keys::new("http", false).of_one_host(&target.parse().unwrap(), host.as_ref()).is_some()
        };
        assert!(is("/a", None) && is("http://a.test/a", None) && is("http://A.test:81/", Some(b"a.test:81")));
        for host in ["a.test", "A-b_c~.test:8080", "[::1]:80", "", "a%2Dtest"] {
            assert!(is("/a", Some(host.as_bytes())), "{host}");
        }
        for host in [&b"a.test/x"[..], b"b@a.test", b"a.test?x", b"a.test#x", b"a*.test", b"a b", b"\xff"] {
            assert!(!is("/a", Some(host)), "{host:?}");
        }
        assert!(!is("http://a.test/", Some(b"b.test")) && !is("http://b@a.test/", None));
    }

    use proptest::prelude::*;

    use super::*;

    fn url(keys: &Keys, uri: &str, host: &str) -> String {
        keys.of(&uri.parse().unwrap(), Some(&host.parse().unwrap())).url()
    }

    #[test]
    fn a_key_is_the_full_url() {
        let keys = Keys::new("http", false);
        assert_eq!(url(&keys, "/a?b=1", "Host.test:80"), "http://host.test/a?b=1");
        assert_eq!(url(&keys, "/a?", "host.test:81"), "http://host.test:81/a?");
        assert_eq!(url(&keys, "HTTPS://me@One.test:443/A", "two.test"), "https://one.test/A");
        assert_eq!(url(&keys.scheme("https"), "/", "host.test:443"), "https://host.test/");
    }

    #[test]
    fn keys_of_other_urls_have_other_digests() {
        let keys = Keys::new("http", false);
        let digest = |text: &str| keys.of_url(&text.parse().unwrap()).digest();
        assert_eq!(digest("http://a.test/x"), digest("http://A.test:80/x"));
        for other in ["http://a.test/X", "http://a.test/x?", "https://a.test/x", "http://b.test/x"] {
            assert_ne!(digest("http://a.test/x"), digest(other), "{other}");
        }
        let longer = Keys::new("http", false);
        assert_ne!(digest("http://a.test/x"), longer.of_url(&"http://a.test/x".parse().unwrap()).digest());
    }

    #[test]
    fn a_url_that_a_key_has_written_makes_that_key() {
        let keys = Keys::new("http", false);
        for text in ["http://a.test/x/y?z=/1", "http://A.test:80/", "https://a.test:81/?", "http://a.test"] {
            let url = text.parse().unwrap();
            let key = keys.of_url(&url);
            assert_eq!(keys.of_written(&key.url()), key, "{text}");
        }
        let (star, host) = ("*".parse().unwrap(), HeaderValue::from_static("a.test"));
        let key = keys.of(&star, Some(&host));
        assert_eq!(keys.of_written(&key.url()), key);
    }

    #[test]
    fn long_urls_are_digested_as_short_ones_are() {
        let keys = Keys::new("http", false);
        let hasher = SipHasher13::new_with_keys(keys.secret.0, keys.secret.1);
        for length in [0, 1, 200, 240, 241, 242, 243, 244, 300, 5000] {
            let target = "a".repeat(length);
            let text = ["http", "a.test", &target].join("\n");
            assert_eq!(
                keys.of_parts(["http", "a.test", &target].map(str::as_bytes)),
                hasher.hash(text.as_bytes()).as_u128(),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn sorting_keeps_all_parameters(query in "[a-c=&]{0,12}") {
            let target = format!("/?{query}");
            let once = sorted(&target).into_owned();
            prop_assert_eq!(sorted(&once).into_owned(), once.clone());
            let count = |text: &str| { let mut bytes = text.as_bytes().to_vec(); bytes.sort_unstable(); bytes };
            prop_assert_eq!(count(&once), count(&target));
        }
    }
}
