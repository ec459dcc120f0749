//! Files and environment merged into one flat map from key to text, each text with its origin.
//!
//! Weakest first: plugin files, included files (an earlier include beats a later one), the main file, `conf.d/*.conf` by
//! name, the environment. Then `$(key)` is filled in. The result is one [`config::Source`]; every value lies under the leaf
//! `_self` of its key, because keys such as `listener.tcp.external` are a value and a prefix of others at the same time.

use crate::sort;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use config::{Map, Source, Value, ValueKind};

use super::file::{self, Item};
use super::foreign;
use super::keys::{self, Key};
use super::paths::{Folders, beside, read};
use super::plugins::{self, BY_NAME, Switches, WHERE_THEY_LIE};
use super::{Fault, Note};

/// The text of one setting and where it stands: `file:line` or the name of a variable.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value as written, `$(key)` filled in.
    pub text: String,
    /// `file:line`, or the name of the environment variable.
    pub origin: String,
}

impl std::fmt::Debug for Setting {
    /// Without the text: it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Every setting somebody made, by key.
#[derive(Clone, Debug, Default)]
pub struct Flat(pub BTreeMap<String, Setting>);

/// The leaf that holds the value of a key in the tree of the `config` crate.
pub const SELF: &str = "_self";

/// Lines of a file of switches that are told one by one: it may be another file by mistake.
const MOST_TOLD: usize = 8;

/// Collects settings, and everything there is to say about them.
#[derive(Default)]
pub struct Reader {
    flat: BTreeMap<String, Setting>,
    /// Faults so far.
    pub faults: Vec<Fault>,
    /// Lines for the log so far.
    pub notes: Vec<Note>,
    open: Vec<PathBuf>,
    /// Files in the order they were begun.
    read: Vec<String>,
    /// Keys that an empty variable gives their default back.
    emptied: BTreeSet<String>,
}

impl Reader {
    /// Reads the main file, what it includes and `conf.d/*.conf` beside it.
    pub fn files(&mut self, main: &Path) {
        let mut layer = self.layer(main);
        self.flat.append(&mut layer);
        for path in self.conf_d(main) {
            let mut layer = self.layer(&path);
            self.flat.append(&mut layer);
        }
    }

    /// Reads the files of plugins: after all others and the environment, which say where they are, and weaker than those.
    pub fn plugins(&mut self, main: &Path, env: &[(String, String)]) {
        let Some((etc_dir, _)) = self.value("plugins.etc_dir") else { return };
        let data_dir = self.value("node.data_dir").map(|(text, _)| text).unwrap_or_default();
        let folders = Folders::new(Some(main), &data_dir, env);
        let folder = folders.resolve(&etc_dir);
        let Some((path, from)) = self.value("plugins.loaded_file") else {
            self.plugin_files(&folder, WHERE_THEY_LIE.iter().copied());
            return;
        };
        let path = folders.resolve(&path);
        match read(&path) {
            Ok(text) => {
                let switches = Switches::parse(&String::from_utf8_lossy(&text));
                self.switched(&folder, (&path, &from), &switches);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let files = self.plugin_files(&folder, WHERE_THEY_LIE.iter().copied());
                if !files.is_empty() {
                    self.notes.push(Note::info(format!(
                        "there is no {} (plugins.loaded_file, {from}), so that these files act as if their plugins were \
                         named in it: {}",
                        path.display(),
                        files.join(", ")
                    )));
                }
            }
            // What it leaves out may be what lets people in.
            Err(error) => {
                let what = format!("cannot be read: {error} (plugins.loaded_file, {from})");
                self.faults.push(Fault::new(path.display(), what));
            }
        }
    }

    /// Reads the files of plugins that are on, and says what is left out.
    fn switched(&mut self, folder: &Path, (path, from): (&Path, &str), switches: &Switches) {
        let at = path.display();
        // What such a line is meant to switch on may be what keeps people out.
        for (line, what) in switches.bad.iter().take(MOST_TOLD) {
            self.faults.push(Fault::new(format_args!("{at}:{line}"), what));
        }
        let more = switches.bad.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            self.faults.push(Fault::new(&at, format!("and {more} more lines like these")));
        }
        self.plugin_files(folder, switches.to_read());
        let off = WHERE_THEY_LIE.iter().filter(|plugin| !switches.has(plugin));
        let off = off.map(|plugin| plugin_file(folder, plugin)).filter(|path| is_there(path));
        let off: Vec<String> = off.map(|path| path.display().to_string()).collect();
        if !off.is_empty() {
            self.notes.push(Note::info(format!(
                "not read, because {at} (plugins.loaded_file, {from}) does not name the plugin with true: {}",
                off.join(", ")
            )));
        }
        for plugin in BY_NAME.iter().filter(|plugin| switches.has(plugin)) {
            let (file, front) = (plugin_file(folder, plugin), plugins::front(plugin));
            if !is_there(&file) && !self.flat.keys().any(|key| key.starts_with(&front)) {
                let text = format!(
                    "{at}: {plugin} is on, and there is neither {} nor a key of {front}*: nobody is asked",
                    file.display()
                );
                self.notes.push(Note::warning(text));
            }
        }
        for (plugin, line, why) in switches.strange() {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let text = format!("{at}:{line}: {plugin} is on in EMQX, and there is none here{why}");
            self.notes.push(Note::warning(text));
        }
    }

    /// Reads those files of plugins that are there.
    fn plugin_files(
        &mut self,
        folder: &Path,
        plugins: impl Iterator<Item = &'static str>,
    ) -> Vec<String> {
        let mut files = Vec::new();
        for path in plugins.map(|plugin| plugin_file(folder, plugin)) {
            if is_there(&path) {
                let mut layer = self.layer(&path);
                layer.retain(|key, _| !self.emptied.contains(key));
                add_missing(&mut self.flat, layer);
                files.push(path.display().to_string());
            }
        }
        files
    }

    /// The text of a key that is set, `$(key)` filled in, and where it stands.
    fn value(&self, key: &str) -> Option<(String, String)> {
        let setting = self.flat.get(key)?;
        // What cannot be filled in is a fault when everything is.
        let text = expand(&self.flat, &setting.text, &mut vec![key.to_owned()]).ok()?;
        Some((text, setting.origin.clone()))
    }

    /// The files in the order they were begun.
    pub fn files_read(&mut self) -> Vec<String> {
        std::mem::take(&mut self.read)
    }

    /// Takes `bytes` as the text of the main file `path`.
    pub fn main_text(&mut self, path: &Path, bytes: &[u8]) {
        let mut layer = self.text(path, bytes);
        self.flat.append(&mut layer);
    }

    fn conf_d(&mut self, main: &Path) -> Vec<PathBuf> {
        let folder = beside(Some(main), "conf.d");
        let listed = fs::read_dir(&folder).and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()
        });
        let mut paths = match listed {
            Ok(paths) => paths,
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                let what = format!("cannot be read: {error}");
                self.faults.push(Fault::new(folder.display(), what));
                return Vec::new();
            }
        };
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
        sort::sort(&mut paths);
        paths
    }

    /// One file and what it includes; its own lines win, then the earlier include.
    fn layer(&mut self, path: &Path) -> BTreeMap<String, Setting> {
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.faults.push(Fault::new(path.display(), format!("cannot be read: {error}")));
                return BTreeMap::new();
            }
        };
        self.open.push(path.to_owned());
        let layer = self.text(path, &bytes);
        self.open.pop();
        layer
    }

    fn text(&mut self, path: &Path, bytes: &[u8]) -> BTreeMap<String, Setting> {
        self.read.push(path.display().to_string());
        let (mut layer, mut includes) = (BTreeMap::<String, Setting>::new(), Vec::new());
        let lines = file::lines(bytes);
        if let Some((number, what)) = foreign::verdict(&lines) {
            self.faults.push(Fault::new(format!("{}:{number}", path.display()), what));
            return layer;
        }
        for line in lines {
            let origin = format!("{}:{}", path.display(), line.number);
            match line.item {
                Ok(Item::Setting { key, value }) => {
                    let setting = Setting { text: value, origin: origin.clone() };
                    if let Some(earlier) = layer.insert(key.clone(), setting) {
                        let text = format!(
                            "{origin}: {key} was set before in {}; the last one counts",
                            earlier.origin
                        );
                        self.notes.push(Note::warning(text));
                    }
                }
                Ok(Item::Include(target)) => includes.push((beside(Some(path), &target), origin)),
                Err(what) => self.faults.push(Fault::new(origin, what)),
            }
        }
        for (target, origin) in includes {
            if self.open.contains(&target) {
                let what = format!("include {}: the file includes itself", target.display());
                self.faults.push(Fault::new(origin, what));
            } else if self.open.len() >= 16 {
                self.faults.push(Fault::new(origin, "include: more than 16 files deep"));
            } else if !target.is_file() {
                let what = format!("include {}: no such file", target.display());
                self.faults.push(Fault::new(origin, what));
            } else {
                let included = self.layer(&target);
                add_missing(&mut layer, included);
            }
        }
        layer
    }

    /// Applies `EMQX_...` variables: aliases, then the general rule. Unknown ones are ignored, with a warning where a key must
    /// have been meant; an empty one restores the default.
    pub fn environment(&mut self, env: &[(String, String)]) {
        let host = env.iter().find(|(n, _)| n == "EMQX_HOST").map(|(_, host)| host.as_str());
        let mut found: BTreeMap<String, (&str, String)> = BTreeMap::new();
        for (name, text) in env {
            match (name.as_str(), host) {
                ("EMQX_NAME", Some(host)) if !text.is_empty() && !host.is_empty() => {
                    found.entry("node.name".into()).or_insert((name, format!("{text}@{host}")));
                }
                _ => {
                    let Some(key) = variable_key(name) else { continue };
                    if keys::find(&key).is_some() {
                        found.insert(key, (name, text.trim().to_owned()));
                    } else if name.contains("__") {
                        // Without two underscores it may be anybody's: Kubernetes makes EMQX_PORT for a service of that name.
                        let hint = keys::hint(&key);
                        let text = format!("{name} sets nothing: there is no key {key}{hint}");
                        self.notes.push(Note::warning(text));
                    }
                }
            }
        }
        for (key, (name, text)) in found {
            if text.is_empty() {
                self.flat.remove(&key);
                self.notes.push(Note::info(format!("{name} is empty: {key} has its default")));
                self.emptied.insert(key);
            } else {
                self.notes
                    .push(Note::info(format!("{name}: {key} = {}", keys::masked(&key, &text))));
                self.flat.insert(key, Setting { text, origin: name.into() });
            }
        }
    }

    /// Fills in `$(key)` and gives back the flat map with the faults and notes.
    pub fn finish(mut self) -> (Flat, Vec<Fault>, Vec<Note>) {
        let mut expanded = BTreeMap::new();
        for (key, setting) in &self.flat {
            let mut trail = vec![key.clone()];
            match expand(&self.flat, &setting.text, &mut trail) {
                Ok(text) => {
                    expanded.insert(key.clone(), Setting { text, origin: setting.origin.clone() });
                }
                Err(what) => self.faults.push(Fault::setting(key, setting, &what)),
            }
        }
        (Flat(expanded), self.faults, self.notes)
    }
}

fn plugin_file(folder: &Path, plugin: &str) -> PathBuf {
    folder.join(format!("{plugin}.conf"))
}

/// What cannot be looked at is read, and then a fault: the users in it are not to be passed over.
fn is_there(path: &Path) -> bool {
    fs::metadata(path).map_or_else(|e| e.kind() != ErrorKind::NotFound, |it| it.is_file())
}

fn add_missing(layer: &mut BTreeMap<String, Setting>, weaker: BTreeMap<String, Setting>) {
    for (key, setting) in weaker {
        layer.entry(key).or_insert(setting);
    }
}

/// The key an environment variable sets, if it is one of ours by its form.
fn variable_key(name: &str) -> Option<String> {
    let rest = name.strip_prefix("EMQX_")?;
    Some(match name {
        "EMQX_NODE_NAME" => "node.name".into(),
        "EMQX_NODE_COOKIE" => "node.cookie".into(),
        "EMQX_MAX_PORTS" => "node.max_ports".into(),
        "EMQX_MAX_PACKET_SIZE" => "mqtt.max_packet_size".into(),
        _ => rest.replace("__", ".").to_lowercase(),
    })
}

/// `text` with every `$(key)` replaced; `trail` holds the keys being expanded.
fn expand(
    flat: &BTreeMap<String, Setting>,
    text: &str,
    trail: &mut Vec<String>,
) -> Result<String, String> {
    const MOST: usize = 64 << 10;
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("$(") {
        let Some((key, behind)) = after.split_once(')') else { break };
        out.push_str(before);
        if trail.iter().any(|open| open == key) || trail.len() > 64 {
            return Err(format!("a value that does not contain itself, as $({key}) does"));
        }
        let target = flat.get(key).map(|setting| setting.text.as_str());
        let target = target
            .or_else(|| keys::find(key).map(|(key, _)| key.default).filter(|d| !d.is_empty()));
        let target = target.ok_or_else(|| format!("a key that is set inside $({key})"))?;
        trail.push(key.to_owned());
        out.push_str(&expand(flat, target, trail)?);
        trail.pop();
        if out.len() > MOST {
            return Err("at most 64 KiB after $(key) is filled in".into());
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

/// The built-in defaults of all keys without a free segment, as the weakest source.
#[derive(Clone, Debug)]
pub struct Defaults;

impl Source for Defaults {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let fixed = keys::all().filter(|key| key.has_fixed_name() && !key.default.is_empty());
        let mut tree = Map::new();
        for Key { name, default, .. } in fixed {
            plant(&mut tree, &file::segments(name), default, keys::BUILT_IN);
        }
        Ok(tree)
    }
}

impl Source for Flat {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let mut tree = Map::new();
        for (key, setting) in &self.0 {
            plant(&mut tree, &file::segments(key), &setting.text, &setting.origin);
        }
        Ok(tree)
    }
}

/// Puts a value under its segments. The tree is built here and not by the path syntax of `config`, which knows neither
/// `$` nor an escaped dot.
fn plant(tree: &mut Map<String, Value>, path: &[String], text: &str, origin: &str) {
    match path.split_first() {
        None => {
            tree.insert(SELF.into(), Value::new(Some(&origin.to_owned()), text));
        }
        Some((first, rest)) => {
            let branch = tree
                .entry(first.clone())
                .or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
            if let ValueKind::Table(table) = &mut branch.kind {
                plant(table, rest, text, origin);
            }
        }
    }
}
