//! Checks the shape of the source tree: arrows between modules, purity, dead files.
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each top-level module and the modules it may use. Absent: not yet ruled.
const MAY_USE: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("sort", &[]),
    ("topic", &[]),
    ("mqtt", &["topic"]),
    ("cluster", &["time", "sort", "topic"]),
    ("broker", &["time", "sort", "topic", "mqtt"]),
    ("net", &["time"]),
    ("ctl", &["time", "sort", "topic", "cluster", "broker"]),
    ("node", &["time", "sort", "topic", "mqtt", "cluster", "broker", "net", "ctl"]),
    ("config", &["time", "sort", "topic", "mqtt", "cluster", "broker", "net", "node"]),
    ("bench", &["time", "topic", "mqtt", "net"]),
    ("daemon", &["time", "sort", "topic", "cluster", "broker", "net", "ctl", "node", "config"]),
];

/// Modules with no I/O, no clock, no locks, no tasks.
const PURE: &[&str] = &["time", "sort", "topic", "mqtt", "cluster", "broker"];
const IMPURE_WORDS: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::thread",
    "TcpStream",
    "UdpSocket",
    "Mutex",
    "RwLock",
    "::now(",
    "static mut",
];

/// Where the library's sort is worth its code: what is done for each message.
const SORT_THEMSELVES: &[&str] =
    &["sort.rs", "node/publish.rs", "node/groups.rs", "bench", "bin/emqx-rs-bench.rs"];

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Top-level modules named after every `crate::` in `text`, brace groups included.
fn uses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let ident = |s: &str| s.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(s.len());
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + 7..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(&rest[..ident(rest)]);
            continue;
        };
        let (mut depth, mut fresh) = (1, true);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => fresh = true,
                c if fresh && depth == 1 && c.is_alphabetic() => {
                    found.push(&group[i..i + ident(&group[i..])]);
                    fresh = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// The file is declared by a `mod` line of its parent.
fn declared(path: &Path) -> bool {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let dir = path.parent().unwrap();
    let (name, parents) = if stem == "mod" {
        let up = dir.parent().unwrap();
        (dir.file_name().unwrap().to_str().unwrap(), vec![up.join("mod.rs"), up.join("lib.rs")])
    } else {
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|name| dir.join(name));
        (stem, parents.into_iter().chain([dir.with_extension("rs")]).collect())
    };
    matches!(stem, "lib" | "main")
        || dir.ends_with("bin")
        || parents
            .iter()
            .filter_map(|p| fs::read_to_string(p).ok())
            .any(|t| t.lines().any(|l| l.trim_end().ends_with(&format!("mod {name};"))))
}

#[test]
fn the_tree_is_tidy() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    sources(&src, &mut files);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let rel = path.strip_prefix(&src).unwrap().display().to_string();
        // Tests may do what the code may not.
        let ships = !rel.ends_with("tests.rs");
        let code: String = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .filter(|_| ships)
            .unwrap_or_default()
            .lines()
            .filter(|l| !l.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        if !text.starts_with("//!") {
            faults.push(format!("{rel}: no //! on line 1"));
        }
        if !declared(&path) {
            faults.push(format!("{rel}: dead file, no mod line names it"));
        }
        let top = rel.split(['/', '.']).next().unwrap();
        for word in IMPURE_WORDS {
            if PURE.contains(&top) && code.contains(word) {
                faults.push(format!("{rel}: {word} in a pure module"));
            }
        }
        let sorts =
            [".sort(", ".sort_by(", ".sort_by_key(", ".sort_by_cached_key(", ".sort_unstable"];
        if sorts.iter().any(|word| code.contains(word))
            && !SORT_THEMSELVES.iter().any(|place| rel.starts_with(place))
        {
            faults.push(format!("{rel}: sorts by itself; sort.rs does, once for all types"));
        }
        if top == "cluster" && code.contains("HashMap") {
            faults.push(format!("{rel}: HashMap in the simulated core, use BTreeMap"));
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == top) else { continue };
        for other in uses(&code) {
            let ruled = MAY_USE.iter().any(|(name, _)| *name == other);
            if ruled && other != top && !allowed.contains(&other) {
                faults.push(format!("{rel}: {top} may not use {other}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
