use proc_macro2::{TokenStream, TokenTree};

use super::references::is_punct;
use super::source::{Source, all_sources};
use super::violation::{Violation, assert_caught, assert_holds_over};

const KEYWORDS: [&str; 2] = ["unsafe", "macro_rules"];
const UNFINISHED: [&str; 2] = ["todo", "unimplemented"];

/// Words that have no place in any file, whether it is shipped or not.
fn forbidden_words(source: &Source) -> Vec<Violation> {
    find(source, &source.tokens, |trees| match trees {
        [TokenTree::Ident(word), ..] if KEYWORDS.iter().any(|keyword| word == keyword) => {
            Some(format!("{word} is not used here"))
        }
        [TokenTree::Ident(word), bang, ..]
            if is_punct(bang, '!') && UNFINISHED.iter().any(|name| word == name) =>
        {
            Some(format!("{word}! is unfinished work"))
        }
        [hash, TokenTree::Group(attribute), ..] if is_punct(hash, '#') => {
            first_word(attribute).filter(|word| word == "ignore").map(|_| "a test always runs".to_owned())
        }
        _ => None,
    })
}

/// In what is shipped, an impossible case is named by `expect`, an error is returned.
fn unwraps(source: &Source) -> Vec<Violation> {
    if !is_in_src(source) {
        return Vec::new();
    }
    find(source, &source.shipped(), |trees| match trees {
        [dot, TokenTree::Ident(word), TokenTree::Group(arguments), ..]
            if is_punct(dot, '.') && word == "unwrap" && arguments.stream().is_empty() =>
        {
            Some("unwrap() does not say why it holds".to_owned())
        }
        _ => None,
    })
}

/// An example in the documentation that is not run can be wrong.
fn ignored_doctests(source: &Source) -> Vec<Violation> {
    let is_ignored = |line: &str| {
        let text = line.trim_start().trim_start_matches(['/', '!', ' ']);
        line.trim_start().starts_with("//") && text.starts_with("```") && text.contains("ignore")
    };
    let lines = source.text.lines().enumerate().filter(|(_, line)| is_ignored(line));
    lines.map(|(index, _)| Violation::new(&source.path, index + 1, "a doctest always runs")).collect()
}

/// Work that is left open is named by its issue.
fn open_ends(source: &Source) -> Vec<Violation> {
    let is_open = |line: &str| {
        let comment = line.split_once("//").map_or("", |(_, comment)| comment);
        comment.split_once("TODO").is_some_and(|(_, rest)| !rest.starts_with("(#"))
    };
    let lines = source.text.lines().enumerate().filter(|(_, line)| is_open(line));
    lines.map(|(index, _)| Violation::new(&source.path, index + 1, "an open end without its issue")).collect()
}

/// `%error` prints the outermost error alone; as a `dyn Error` it brings its causes along.
fn causeless_errors(source: &Source) -> Vec<Violation> {
    if !is_in_src(source) {
        return Vec::new();
    }
    find(source, &source.shipped(), |trees| match trees {
        [before, sigil, TokenTree::Ident(word), ..]
            if (is_punct(before, ',') || is_punct(before, '='))
                && (is_punct(sigil, '%') || is_punct(sigil, '?'))
                && word == "error" =>
        {
            Some("an error is logged without its causes".to_owned())
        }
        [TokenTree::Ident(_), bang, TokenTree::Group(arguments), ..] if is_punct(bang, '!') => {
            let mut first = arguments.stream().into_iter();
            let sigil = first.next().filter(|tree| is_punct(tree, '%') || is_punct(tree, '?'));
            let is_error = sigil.is_some() && first.next().is_some_and(|tree| tree.to_string() == "error");
            is_error.then(|| "an error is logged without its causes".to_owned())
        }
        _ => None,
    })
}

fn is_in_src(source: &Source) -> bool {
    source.path.starts_with("integridai-") && source.path.contains("/src/")
}

fn find(
    source: &Source,
    tokens: &TokenStream,
    breaks: impl Fn(&[TokenTree]) -> Option<String> + Copy,
) -> Vec<Violation> {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut violations = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        if let Some(what) = breaks(&trees[at..]) {
            violations.push(Violation::new(&source.path, tree.span().start().line, what));
        }
        if let TokenTree::Group(group) = tree {
            violations.extend(find(source, &group.stream(), breaks));
        }
    }
    violations
}

fn first_word(group: &proc_macro2::Group) -> Option<String> {
    group.stream().into_iter().next().map(|tree| tree.to_string())
}

#[test]
fn no_file_holds_a_forbidden_word() {
    assert_holds_over("no macro_rules, unsafe, unfinished or ignored code", &all_sources(), forbidden_words);
}

#[test]
fn a_forbidden_word_is_caught() {
    let text = "macro_rules! a { () => {} }\nfn b() { unsafe { c() } }\nfn d() { todo!() }\nfn e() { unimplemented!() }\n\
                #[test]\n#[ignore = \"slow\"]\nfn f() { todo(); }\nmod g {\n #[ignore] fn h() {} }";
    assert_caught("tests/x.rs", text, &[1, 2, 3, 4, 6, 9], forbidden_words);
}

#[test]
fn shipped_code_never_unwraps() {
    assert_holds_over("no unwrap in src", &all_sources(), unwraps);
}

#[test]
fn an_unwrap_in_shipped_code_is_caught() {
    let text = "fn a() { b().unwrap(); }\nfn c() { d().unwrap_or(1); e!(f().unwrap()); }\nfn g() { h().expect(\"why\"); }\n\
                #[cfg(test)]\nmod tests { fn i() { j().unwrap(); } }";
    assert_caught("integridai-gateway/src/app.rs", text, &[1, 2], unwraps);
    assert_caught("integridai-gateway/src/app/tests.rs", text, &[], unwraps);
    assert_caught("tests/x.rs", text, &[], unwraps);
}

#[test]
fn every_error_is_logged_with_its_causes() {
    assert_holds_over("errors are logged as `dyn Error`", &all_sources(), causeless_errors);
}

#[test]
fn an_error_that_is_logged_without_its_causes_is_caught() {
    let text = "fn a() { warn!(%error, \"b\"); }\nfn c() { warn!(id, ?error, \"d\"); }\n\
                fn e() { warn!(error = ?error, \"f\"); }\nfn g() { warn!(error = &error as &dyn Error, %id, \"h\"); }";
    assert_caught("integridai-gateway/src/app.rs", text, &[1, 2, 3], causeless_errors);
    assert_caught("tests/x.rs", text, &[], causeless_errors);
}

#[test]
fn every_doctest_runs() {
    assert_holds_over("no ignored doctest", &all_sources(), ignored_doctests);
}

#[test]
fn an_ignored_doctest_is_caught() {
    let text =
        "//! ```ignore\n//! ```\n/// ```rust,ignore\n/// ```\nfn a() {}\n/// ```no_run\n/// ```\nfn b() {}";
    assert_caught("integridai-tower/src/x.rs", text, &[1, 3], ignored_doctests);
}

#[test]
fn no_end_is_left_open() {
    assert_holds_over("open ends name their issue", &all_sources(), open_ends);
}

#[test]
fn an_open_end_is_caught() {
    let text = ["fn a() {} /", "/ TODO later\n/", "/ TODO(#12): then\nfn b() {}"].concat();
    assert_caught("tests/x.rs", &text, &[1], open_ends);
}
