//! What the documents say of the sources, held against the sources.

#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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
fn links_between_documents_lead_somewhere() {
    let mut documents = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let docs = fs::read_dir(root().join("docs")).expect("docs");
    documents.extend(docs.flatten().map(|entry| entry.path()));

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
