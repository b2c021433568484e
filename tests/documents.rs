//! What the documents say of the sources, held against the sources.

#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect(name)
}

/// The code spans of the first column of the tables in `text`, up to the heading `end`.
fn first_column<'t>(text: &'t str, end: &str) -> BTreeSet<&'t str> {
    let text = text.split(end).next().unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn every_dependency_is_explained() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let systems = manifest["target"].as_table().expect("a table").values();
    let names: BTreeSet<_> = systems
        .filter_map(toml::Value::as_table)
        .chain([&manifest])
        .flat_map(|place| {
            ["dependencies", "build-dependencies", "dev-dependencies"].map(|kind| place.get(kind))
        })
        .flatten()
        .filter_map(toml::Value::as_table)
        .flat_map(toml::Table::keys)
        .map(String::as_str)
        .collect();
    assert!(names.len() > 20, "only {} dependencies found", names.len());

    let page = read("docs/dependencies.md");
    assert_eq!(first_column(&page, "## Not taken"), names);
}

#[test]
fn the_readme_has_every_verb_and_every_exit_code() {
    let help = Command::new(env!("CARGO_BIN_EXE_passerelle"))
        .arg("--help")
        .env("LC_ALL", "C")
        .output()
        .expect("the program runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let section = |title: &str| {
        let (_, rest) = help.split_once(title).expect(title);
        let lines = rest.trim_start().lines();
        lines.map(str::trim).take_while(|line| !line.is_empty())
    };
    let first_word = |line| str::split_whitespace(line).next();
    let verbs: BTreeSet<_> = section("Commands:").filter_map(first_word).collect();
    assert!(verbs.len() > 10, "only {verbs:?} found");

    let page = read("README.md");
    let table = page
        .split("## What each verb does")
        .nth(1)
        .expect("the table");
    let spans = first_column(table, "\n## ");
    let documented: BTreeSet<_> = spans.iter().copied().filter_map(first_word).collect();
    let missing: Vec<_> = verbs.difference(&documented).collect();
    assert!(missing.is_empty(), "not in the README: {missing:?}");

    let codes = section("Exit codes:").filter_map(first_word);
    let (_, documented) = table.split_once("Exit codes: ").expect("the codes");
    let documented = documented.split("\n\n").next().unwrap_or_default();
    let documented = documented.split(['·', '\n']).map(str::trim);
    let documented = documented
        .filter_map(first_word)
        .filter(|word| word.parse::<u8>().is_ok());
    assert!(codes.eq(documented), "other exit codes than in the README");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let docs = fs::read_dir(root().join("docs")).expect("docs");
    let pages = docs.flatten().map(|entry| entry.path());
    documents.extend(pages.filter(|path| path.extension().is_some_and(|kind| kind == "md")));

    let mut links = 0;
    for document in documents {
        let text = fs::read_to_string(&document).expect("text");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            let target: PathBuf = document.parent().expect("a folder").join(file);
            assert!(target.exists(), "{}: {link}", document.display());
        }
    }
    assert!(links >= 4, "only {links} links found");
}
