//! Who may import whom: the table of `docs/architecture.md`, held against the source.

#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the table is for people.
const DOCUMENT: &str = "docs/architecture.md";

/// A room, and the rooms that it may import. `*`: all of them.
const TABLE: [(&str, &[&str]); 19] = [
    ("model", &[]),
    ("paths", &[]),
    ("clock", &[]),
    ("platform", &["model", "paths"]),
    ("files", &["platform"]),
    ("config", &["model", "paths", "platform", "files"]),
    ("hostkey", &["model", "paths", "platform", "files"]),
    ("secrets", &["model", "paths", "platform"]),
    ("i18n", &["model", "paths", "config"]),
    ("desktop", &["platform"]),
    ("logging", &["platform"]),
    ("ipc", &["model", "paths", "platform"]),
    ("supervisor", &["model", "config"]),
    (
        "engine",
        &[
            "supervisor",
            "hostkey",
            "secrets",
            "config",
            "platform",
            "model",
            "paths",
            "files",
        ],
    ),
    ("ui_messages", &["model", "i18n", "platform"]),
    ("ui", &["model", "i18n", "platform", "clock", "ui_messages"]),
    ("app", &["*"]),
    ("cli", &["*"]),
    ("demo", &["*"]),
];

#[test]
fn every_import_is_in_the_table() {
    let imports = imports();
    assert!(imports.len() >= 15, "only {} imports found", imports.len());
    let forbidden: Vec<_> = imports.iter().filter(|import| !import.allowed()).collect();
    assert!(forbidden.is_empty(), "not in the table: {forbidden:#?}");
}

#[test]
fn every_room_is_in_the_table() {
    let text = fs::read_to_string(source().join("lib.rs")).expect("lib.rs is there");
    let rooms: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let table: BTreeSet<_> = TABLE.iter().map(|(room, _)| *room).collect();
    assert_eq!(rooms, table);
}

#[test]
fn the_documented_table_is_the_same() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT))
        .expect("the page is there");
    let documented: Vec<(&str, BTreeSet<&str>)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .filter_map(|row| match row.split(" | ").collect::<Vec<_>>()[..] {
            [room, _, imports] => Some((room.trim_end_matches('`'), imports)),
            _ => None,
        })
        .map(|(room, imports)| match imports {
            "nothing" => (room, BTreeSet::new()),
            "everything" => (room, BTreeSet::from(["*"])),
            names => (
                room,
                names
                    .split(", ")
                    .map(|name| name.trim_matches('`'))
                    .collect(),
            ),
        })
        .collect();
    let table: Vec<_> = TABLE
        .iter()
        .map(|(room, imports)| (*room, imports.iter().copied().collect()))
        .collect();
    assert_eq!(documented, table);
}

#[test]
fn a_forbidden_import_is_found() {
    let import = |text| names_after_crate(text, "crate::");
    assert_eq!(import("use crate::engine::link::Link;"), ["engine"]);
    assert_eq!(
        import("use crate::{\n    model::{Fault, Health},\n    engine,\n    paths::{self},\n};"),
        ["model", "engine", "paths"]
    );
    assert_eq!(import("let x = crate::i18n::detect();"), ["i18n"]);
    assert!(import("// crate::engine\n/// [`crate::engine`]\n").is_empty());
    let forbidden = Import {
        file: PathBuf::from("model.rs"),
        from: "model".into(),
        to: "engine".into(),
    };
    assert!(!forbidden.allowed());
}

/// One room's mention of another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    file: PathBuf,
    from: String,
    to: String,
}

impl Import {
    fn allowed(&self) -> bool {
        let row = TABLE.iter().find(|(room, _)| *room == self.from);
        row.is_some_and(|(_, allowed)| allowed.contains(&"*") || allowed.contains(&&*self.to))
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every mention of a room in another room's files; `lib.rs` and the programs see everything.
fn imports() -> BTreeSet<Import> {
    let mut imports = BTreeSet::new();
    for file in rust_files(&source()) {
        let relative = file.strip_prefix(source()).expect("it lies below");
        let room = relative.components().next().expect("it has a name");
        let room = Path::new(room.as_os_str()).with_extension("");
        let room = room.to_string_lossy().into_owned();
        if room == "lib" || room == "bin" {
            continue;
        }
        let text = fs::read_to_string(&file).expect("it can be read");
        let mut names = names_after_crate(&text, "crate::");
        if relative.components().count() == 1 {
            // Here `super` is the crate, unless a module of its own says it.
            let outside = names_after_crate(&text, "super::").into_iter();
            names.extend(outside.filter(|name| TABLE.iter().any(|(room, _)| room == name)));
        }
        for to in names.into_iter().filter(|to| *to != room) {
            imports.insert(Import {
                file: relative.to_owned(),
                from: room.clone(),
                to,
            });
        }
    }
    imports
}

/// The first name of every path that starts with `prefix`, in groups too. Comments do not count.
fn names_after_crate(text: &str, prefix: &str) -> Vec<String> {
    let code: Vec<_> = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    let code = code.join("\n");
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            names.extend(group_heads(group));
        } else {
            names.push(identifier(rest));
        }
    }
    // A macro or a function of the crate itself is no room.
    names.retain(|name| !name.is_empty());
    names
}

/// The first name of each path in a group, of which the brace is open already.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = vec![identifier(group.trim_start())];
    let mut depth = 1;
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(identifier(group[at + 1..].trim_start())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

fn identifier(text: &str) -> String {
    let is_part = |char: &char| char.is_ascii_alphanumeric() || *char == '_';
    text.chars().take_while(is_part).collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).expect("it can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
