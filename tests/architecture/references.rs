use std::collections::HashMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::source::Source;

/// A path that a file names, spelled from the crate's root (`crate::…`) or from the foreign crate's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

impl Reference {
    /// A glob may bring in anything, so it counts as every path below it.
    pub(crate) fn starts_with(&self, prefix: &str) -> bool {
        let mut segments = self.segments.iter();
        prefix
            .split("::")
            .all(|part| segments.next().is_some_and(|segment| segment == part || segment == "*"))
    }

    /// The module below the crate's root that the path enters, when it is one of this crate.
    pub(crate) fn own_module(&self) -> Option<&str> {
        self.starts_with("crate").then(|| self.segments.get(1).map(String::as_str)).flatten()
    }

    pub(crate) fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// Every path that the shipped part of a file names, also inside macros; imports stand for what they import.
pub(crate) fn references(source: &Source) -> Vec<Reference> {
    let mut reader = Reader::default();
    reader.read(source.shipped(), &source.module());
    reader.resolve()
}

#[derive(Clone)]
struct Found {
    segments: Vec<String>,
    module: Vec<String>,
    line: usize,
    from_root: bool,
}

#[derive(Default)]
struct Reader {
    found: Vec<Found>,
    imports: HashMap<String, Vec<Vec<String>>>,
    children: Vec<(Vec<String>, String)>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream, module: &[String]) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            at += self.step(&trees, at, module).max(1);
        }
    }

    /// Reads what stands at `at` and answers how many trees it took.
    fn step(&mut self, trees: &[TokenTree], at: usize, module: &[String]) -> usize {
        match &trees[at] {
            TokenTree::Group(group) => {
                self.read(group.stream(), module);
                1
            }
            TokenTree::Punct(punct) if punct.as_char() == '\'' => 2,
            TokenTree::Punct(_) if is_field_access(trees, at) => 2,
            TokenTree::Ident(word) if word == "mod" => self.child(&trees[at..], module),
            TokenTree::Ident(word) if word == "use" => self.import(&trees[at + 1..], module),
            TokenTree::Ident(_) => {
                let (segments, taken) = path_at(&trees[at..]);
                let from_root = at > 1 && is_colons(&trees[at - 2..]);
                self.add(segments, &trees[at], module, from_root);
                taken
            }
            _ => 1,
        }
    }

    fn child(&mut self, trees: &[TokenTree], module: &[String]) -> usize {
        let Some(TokenTree::Ident(name)) = trees.get(1) else { return 1 };
        self.children.push((module.to_vec(), name.to_string()));
        if let Some(TokenTree::Group(body)) = trees.get(2) {
            let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
            self.read(body.stream(), &inner);
            return 3;
        }
        2
    }

    fn import(&mut self, trees: &[TokenTree], module: &[String]) -> usize {
        let end = trees.iter().position(|tree| is_punct(tree, ';')).unwrap_or(trees.len());
        if trees.first().is_none_or(|tree| is_punct(tree, '<')) {
            return 1;
        }
        let from_root = is_colons(trees);
        self.import_tree(&trees[..end], &[], module, from_root);
        end + 2
    }

    fn import_tree(&mut self, trees: &[TokenTree], prefix: &[String], module: &[String], from_root: bool) {
        let mut path = prefix.to_vec();
        let mut at = 0;
        while at < trees.len() {
            match &trees[at] {
                TokenTree::Ident(word) if word == "as" => break,
                TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let branches = inner.split(|tree| is_punct(tree, ','));
                    branches
                        .filter(|branch| !branch.is_empty())
                        .for_each(|branch| self.import_tree(branch, &path, module, from_root));
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        let Some(name) = trees.get(at + 1).map(ToString::to_string).or_else(|| path.last().cloned()) else {
            return;
        };
        self.imports.entry(name).or_default().push(absolute(&path, module));
        self.add(path, &trees[0], module, from_root);
    }

    fn add(&mut self, segments: Vec<String>, at: &TokenTree, module: &[String], from_root: bool) {
        let line = at.span().start().line;
        self.found.push(Found { segments, module: module.to_vec(), line, from_root });
    }

    fn resolve(self) -> Vec<Reference> {
        let mut references = Vec::new();
        for found in &self.found {
            for segments in self.meanings(found) {
                references.push(Reference { segments, line: found.line });
            }
        }
        references
    }

    fn meanings(&self, found: &Found) -> Vec<Vec<String>> {
        let path = absolute(&found.segments, &found.module);
        if found.from_root || path[0] == "crate" {
            return vec![path];
        }
        if self.children.contains(&(found.module.clone(), path[0].clone())) {
            let root = ["crate".to_owned()];
            return vec![root.iter().chain(&found.module).chain(&path).cloned().collect()];
        }
        match self.imports.get(&path[0]) {
            Some(origins) => {
                origins.iter().map(|origin| origin.iter().chain(&path[1..]).cloned().collect()).collect()
            }
            None => vec![path],
        }
    }
}

/// `self::` and `super::` spelled from the crate's root.
fn absolute(segments: &[String], module: &[String]) -> Vec<String> {
    let up = segments.iter().filter(|segment| *segment == "super").count();
    if segments[0] != "self" && up == 0 {
        return segments.to_vec();
    }
    let kept = &module[..module.len().saturating_sub(up)];
    let rest = segments.iter().filter(|segment| *segment != "self" && *segment != "super");
    ["crate".to_owned()].iter().chain(kept).chain(rest).cloned().collect()
}

fn path_at(trees: &[TokenTree]) -> (Vec<String>, usize) {
    let mut segments = vec![trees[0].to_string()];
    let mut taken = 1;
    while is_colons(&trees[taken..]) {
        let Some(TokenTree::Ident(next)) = trees.get(taken + 2) else { break };
        segments.push(next.to_string());
        taken += 3;
    }
    (segments, taken)
}

/// A name after one dot is a field or a method; after two it may begin a path.
fn is_field_access(trees: &[TokenTree], at: usize) -> bool {
    let after_dot = at > 0 && is_punct(&trees[at - 1], '.');
    is_punct(&trees[at], '.') && !after_dot && matches!(trees.get(at + 1), Some(TokenTree::Ident(_)))
}

fn is_colons(trees: &[TokenTree]) -> bool {
    matches!(trees, [first, second, ..] if is_punct(first, ':') && is_punct(second, ':'))
}

pub(crate) fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

#[test]
fn paths_are_read_from_uses_expressions_macros_and_imports() {
    let text = "use crate::{a::B, c};\nuse super::super::d as e;\nfn f() { e::g(); log!(\"{}\", self::h::I); }\n\
                mod j { use super::k; }\nmod l;\nfn m(n: l::N) -> ::o::P { n.q }";
    let read = references(&Source::new("x/src/y/z/w.rs", text));
    let paths: Vec<(usize, String)> = read
        .iter()
        .filter(|reference| reference.segments.len() > 1)
        .map(|reference| (reference.line, reference.text()))
        .collect();
    let wanted = [
        (1, "crate::a::B"),
        (1, "crate::c"),
        (2, "crate::y::d"),
        (3, "crate::y::d::g"),
        (3, "crate::y::z::w::h::I"),
        (4, "crate::y::z::w::k"),
        (6, "crate::y::z::w::l::N"),
        (6, "o::P"),
    ];
    assert_eq!(paths, wanted.map(|(line, path)| (line, path.to_owned())));
}
