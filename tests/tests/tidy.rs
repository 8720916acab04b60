//! Keeps the house in order: what the crates may depend on, how long functions and files may be, and
//! whether the texts that come along are true.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use stepyard_asl::compile;
use stepyard_tests::root;

/// Longest function, in lines; tests are exempt.
const FUNCTION_LINES_MAX: usize = 70;

/// Longest file, in lines; tests are exempt.
const FILE_LINES_MAX: usize = 800;

/// A file with this comment is a table of data and may be as long as it must be.
const DATA_TABLE_MARKER: &str = "// tidy: data table";

/// The rooms, from the bottom: each may use only those below it.
const ROOMS: [(&str, &str); 9] = [
    ("stepyard-json", "engine/json"),
    ("stepyard-jsonata", "engine/jsonata"),
    ("stepyard-asl", "engine/asl"),
    ("stepyard-machine", "engine/machine"),
    ("stepyard-store", "engine/store"),
    ("stepyard-runtime", "engine/runtime"),
    ("stepyard-tasks", "tasks"),
    ("stepyard", "server"),
    ("stepyard-tests", "tests"),
];

/// Number of rooms that know no clock, no chance and no I/O.
const PURE_ROOMS: usize = 4;

/// What the pure rooms may use from outside: crates that compute and nothing else.
const PURE_CRATES: [&str; 11] = [
    "base64",
    "bytes",
    "bytestring",
    "itoa",
    "jiff",
    "md-5",
    "regex",
    "serde_json",
    "sha1",
    "sha2",
    "unicode-ident",
];

#[test]
fn the_pure_rooms_use_only_crates_that_compute() {
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    for (room, folder) in &ROOMS[..PURE_ROOMS] {
        for dependency in dependencies(folder) {
            let allowed =
                PURE_CRATES.contains(&dependency.as_str()) || rooms.contains(&*dependency);
            assert!(
                allowed,
                "{room} depends on {dependency}: is it free of clock, chance and I/O?"
            );
        }
    }
}

#[test]
fn dependencies_point_downwards_only() {
    let height: BTreeMap<&str, usize> =
        ROOMS.iter().enumerate().map(|(height, (name, _))| (*name, height)).collect();
    for (at, (room, folder)) in ROOMS.iter().enumerate() {
        for dependency in dependencies(folder) {
            let below = height.get(&*dependency).is_none_or(|height| *height < at);
            assert!(below, "{room} depends on {dependency}, which is not below it");
        }
    }
}

#[test]
fn every_crate_inherits_the_lints() {
    for (room, folder) in ROOMS {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{room} sets its own lints");
    }
}

#[test]
fn functions_and_files_are_short() {
    let mut faults = Vec::new();
    for file in files("rs").into_iter().filter(|file| !is_test(file)) {
        let text = read(&file);
        let lines: Vec<&str> = without_tests(&text).collect();
        let name = shown(&file);
        if lines.len() > FILE_LINES_MAX && !text.contains(DATA_TABLE_MARKER) {
            faults.push(format!("{name} has {} lines", lines.len()));
        }
        let long = functions(&lines).filter(|(_, length)| *length > FUNCTION_LINES_MAX);
        faults.extend(long.map(|(line, length)| format!("{name}:{line}: {length} lines")));
    }
    assert!(faults.is_empty(), "too long:\n{}", faults.join("\n"));
}

#[test]
fn every_workflow_compiles() {
    let workflows: Vec<PathBuf> = files("json")
        .into_iter()
        .filter(|file| file.starts_with(root().join("workflows")))
        .collect();
    assert!(workflows.len() >= 2, "the tutorial's and the pipeline's are there");
    for file in workflows {
        let compilation = compile(&read(&file));
        assert!(compilation.program.is_some(), "{}: {:?}", shown(&file), compilation.diagnostics);
    }
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut dead = Vec::new();
    for file in files("md") {
        let text = read(&file);
        let folder = file.parent().unwrap();
        let local = links(&text).filter(|link| !link.contains("://") && !link.starts_with('#'));
        for link in local {
            let target = link.split('#').next().unwrap_or(link);
            if !folder.join(target).exists() {
                dead.push(format!("{}: {link}", shown(&file)));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn the_rooms_that_the_architecture_names_exist() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    let mut missing = Vec::new();
    for row in architecture.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let folder = cells[1].trim_matches('`');
        let named = cells[3].split('`').skip(1).step_by(2).filter(|name| is_path(name));
        for path in
            named.map(|name| Path::new(folder).join("src").join(name)).chain([folder.into()])
        {
            if !root().join(&path).exists() {
                missing.push(path.display().to_string());
            }
        }
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
}

#[test]
fn nothing_is_left_for_later_in_comments() {
    // Spelled in two parts, so that this file passes.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME")];
    for extension in ["rs", "py", "toml", "md", "sql"] {
        for file in files(extension) {
            let text = read(&file);
            for word in words {
                assert!(!text.contains(word), "{}: {word}", shown(&file));
            }
        }
    }
}

/// Names under `[dependencies]`, `[dependencies.x]` and `[build-dependencies]`; what only tests use is not asked.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = read(&root().join(folder).join("Cargo.toml"));
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let (kind, name) = section.rsplit_once("dependencies").unwrap_or((section, ""));
            inside = section.ends_with("dependencies") && kind != "dev-";
            names.extend(name.strip_prefix('.').map(str::to_owned));
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            names.push(name.to_owned());
        }
    }
    assert!(!names.is_empty() || folder == "engine/json", "{folder}: no dependencies found");
    names
}

/// Line and length of each function, found by the indentation that rustfmt gives it.
fn functions<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = (usize, usize)> + 'a {
    lines.iter().enumerate().filter(|(_, line)| opens_function(line)).map(|(start, line)| {
        let indent = line.len() - line.trim_start().len();
        let (end, declared) = (" ".repeat(indent) + "}", " ".repeat(indent) + ")");
        // That of a trait may have no body.
        let is_end =
            |line: &&str| **line == end || line.starts_with(&declared) && line.ends_with(';');
        let length = lines[start..].iter().position(is_end);
        (start + 1, length.map_or(1, |length| length + 1))
    })
}

fn opens_function(line: &str) -> bool {
    let words = line.trim_start().split(' ');
    let mut rest = words.skip_while(|word| {
        matches!(*word, "pub" | "async" | "const" | "unsafe" | "extern") || word.starts_with("pub(")
    });
    rest.next() == Some("fn") && !line.trim_end().ends_with([';', '}'])
}

/// The lines up to the unit tests, which stand last.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]")
}

/// Files that hold tests only.
fn is_test(file: &Path) -> bool {
    file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests")
}

fn is_path(name: &str) -> bool {
    name.ends_with(".rs") || name.ends_with('/')
}

/// Targets of `[text](target)` outside of code blocks.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next())
}

/// All files of the repository with that extension.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            if hidden || ["target", "stepyard-data"].iter().any(|skipped| name == *skipped) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}
