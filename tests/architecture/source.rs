use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

pub(crate) const LIBRARY: &str = "integridai-tower/src";
pub(crate) const GATEWAY: &str = "integridai-gateway/src";

/// Every folder that holds Rust code of this workspace; those that do not exist yet are skipped.
const EVERYWHERE: [&str; 10] = [
    LIBRARY,
    GATEWAY,
    "integridai-tower/tests",
    "integridai-tower/examples",
    "integridai-tower/benches",
    "integridai-gateway/tests",
    "tests",
    "examples",
    "benches",
    "fuzz",
];

/// One Rust file, by its path below the repository's root.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: TokenStream,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let tokens = text.parse().unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        Self { path: path.to_owned(), text: text.to_owned(), tokens }
    }

    pub(crate) fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{} is not Rust: {error}", self.path))
    }

    /// The path below `folder`, when the file lies there.
    pub(crate) fn below(&self, folder: &str) -> Option<&str> {
        self.path.strip_prefix(folder)?.strip_prefix('/')
    }

    /// What is shipped: no `tests.rs`, and no item under `#[cfg(test)]`.
    pub(crate) fn shipped(&self) -> TokenStream {
        let for_tests = self.path.split('/').any(|part| part == "tests" || part == "tests.rs");
        if for_tests { TokenStream::new() } else { without_tests(self.tokens.clone()) }
    }

    /// The module that the file is, from its place below `src`.
    pub(crate) fn module(&self) -> Vec<String> {
        let inside = self.path.split_once("src/").map_or(self.path.as_str(), |(_, inside)| inside);
        let mut module: Vec<String> =
            inside.trim_end_matches(".rs").split('/').map(ToOwned::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        module
    }
}

/// Top-down walk of a stream that leaves out what `#[cfg(test)]` stands before.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::with_capacity(trees.len());
    let mut at = 0;
    while at < trees.len() {
        if is_test_attribute(&trees[at..]) {
            at += 2;
            at += trees[at..].iter().position(ends_item).map_or(trees.len() - at, |end| end + 1);
            continue;
        }
        kept.push(match &trees[at] {
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), without_tests(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other.clone(),
        });
        at += 1;
    }
    kept.into_iter().collect()
}

fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

fn is_test_attribute(trees: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = trees else { return false };
    let text = attribute.stream().to_string().replace(' ', "");
    hash.as_char() == '#' && (text.starts_with("cfg(test") || text.starts_with("cfg(all(test"))
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Rust files below one folder.
pub(crate) fn sources_below(folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    collect(&repository().join(folder), &mut files);
    files.sort();
    files.iter().map(|file| load(file)).collect()
}

pub(crate) fn all_sources() -> Vec<Source> {
    EVERYWHERE.iter().flat_map(|folder| sources_below(folder)).collect()
}

/// The names of the folders right below one folder.
pub(crate) fn folders_in(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(repository().join(folder)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a readable folder"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name in UTF-8"))
        .collect();
    names.sort();
    names
}

fn load(file: &Path) -> Source {
    let below = file.strip_prefix(repository()).expect("collected below the repository");
    let path = below.to_str().expect("a path in UTF-8").replace('\\', "/");
    Source::new(&path, &read(&path))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn the_walk_sees_every_part_of_the_workspace() {
    for folder in [LIBRARY, GATEWAY, "tests"] {
        assert!(!sources_below(folder).is_empty(), "{folder} holds Rust files");
    }
}

#[test]
fn what_is_shipped_leaves_out_tests_and_nothing_else() {
    let text = "use a::A;\n#[cfg(test)]\n#[allow(x)]\nmod tests { use b::B; }\nfn c() {}\n#[cfg(not(test))]\nuse d::D;";
    let shipped = Source::new("x/src/y.rs", text).shipped().to_string();
    assert!(
        !shipped.contains('B') && shipped.contains('A') && shipped.contains('c') && shipped.contains('D')
    );
    assert!(Source::new("x/src/y/tests.rs", text).shipped().is_empty());
}
