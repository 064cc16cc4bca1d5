use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::source::{Source, all_sources};
use super::violation::{Violation, assert_caught, assert_holds_over};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 50;

fn files_are_short(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES {
        return Vec::new();
    }
    vec![Violation::new(&source.path, FILE_LINES + 1, format!("{lines} lines, {FILE_LINES} are allowed"))]
}

/// Counts the lines between the braces of every function, also of those inside macros.
fn functions_are_short(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    measure(&source.path, source.tokens.clone(), &mut violations);
    violations
}

fn measure(path: &str, tokens: TokenStream, violations: &mut Vec<Violation>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            measure(path, group.stream(), violations);
        }
        let Some((name, lines)) = function_at(&trees[at..]) else { continue };
        if lines > FUNCTION_LINES {
            let what = format!("fn {name} has {lines} lines, {FUNCTION_LINES} are allowed");
            violations.push(Violation::new(path, tree.span().start().line, what));
        }
    }
}

fn function_at(trees: &[TokenTree]) -> Option<(String, usize)> {
    let [TokenTree::Ident(keyword), TokenTree::Ident(name), rest @ ..] = trees else { return None };
    if keyword != "fn" {
        return None;
    }
    rest.iter().take_while(|tree| !super::references::is_punct(tree, ';')).find_map(|tree| match tree {
        TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
            let between = body.span_close().start().line - body.span_open().start().line;
            Some((name.to_string(), between.saturating_sub(1)))
        }
        _ => None,
    })
}

fn function_of(lines: usize) -> String {
    format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines))
}

#[test]
fn every_file_fits_the_limit() {
    assert_holds_over("a file has 400 lines at most", &all_sources(), files_are_short);
}

#[test]
fn a_long_file_is_caught() {
    assert_caught("benches/x.rs", &"// line\n".repeat(401), &[401], files_are_short);
    assert_caught("benches/x.rs", &"// line\n".repeat(400), &[], files_are_short);
}

#[test]
fn every_function_fits_the_limit() {
    assert_holds_over("a function has 50 lines at most", &all_sources(), functions_are_short);
}

#[test]
fn a_long_function_is_caught_wherever_it_stands() {
    assert_caught("tests/x.rs", &function_of(50), &[], functions_are_short);
    assert_caught("tests/x.rs", &function_of(51), &[1], functions_are_short);
    assert_caught("tests/x.rs", &format!("impl A {{\n{}}}", function_of(51)), &[2], functions_are_short);
    assert_caught("tests/x.rs", &format!("proptest! {{\n{}}}", function_of(51)), &[2], functions_are_short);
}
