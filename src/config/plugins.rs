//! Files of EMQX's plugins: which are read, and what `plugins.loaded_file` says of them.
//!
//! In EMQX 4.4 a plugin's file lies in `plugins.etc_dir` whether it is on or not, and the file of switches names those that are
//! on: `{emqx_retainer, true}.`, or the name alone. What cannot be read there is a fault: it may be meant to switch on what keeps
//! people out.

use std::collections::BTreeMap;

use super::acl_conf::cut;
use super::erlang_terms::{Term, entries};
use super::keys::reasons;

/// Plugins whose file acts where it lies, unless a file of switches leaves it out.
pub const WHERE_THEY_LIE: &[&str] =
    &["emqx_retainer", "emqx_auth_mnesia", "emqx_bridge_mqtt", "emqx_management"];

/// Plugins whose file acts only where a file of switches names it: as shipped they ask a server that nobody has.
pub const BY_NAME: &[&str] = &["emqx_auth_http", "emqx_auth_jwt"];

/// Plugins that EMQX has on from the first day, and that have no file that acts here.
const STOCK: &[&str] =
    &["emqx_dashboard", "emqx_modules", "emqx_recon", "emqx_rule_engine", "emqx_telemetry"];

/// A file of switches.
#[derive(Debug, Default)]
pub struct Switches {
    /// Plugins that are on, and the line that says so.
    on: BTreeMap<String, usize>,
    /// Lines that are no switch, and what they are instead.
    pub bad: Vec<(usize, String)>,
}

impl Switches {
    /// Reads the text of one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut switches = Self::default();
        for entry in entries(text) {
            let (line, term) = match entry {
                Ok(entry) => entry,
                Err(bad) => {
                    switches.bad.push((bad.line, bad.what));
                    continue;
                }
            };
            match switch(&term) {
                Some((name, true)) => {
                    switches.on.entry(name.to_owned()).or_insert(line);
                }
                Some((_, false)) => {}
                None => {
                    let shown = cut(&term.to_string());
                    let what =
                        format!("{shown}: expected a plugin such as {{emqx_retainer, true}}");
                    switches.bad.push((line, what));
                }
            }
        }
        switches
    }

    /// The plugin is on.
    #[must_use]
    pub fn has(&self, plugin: &str) -> bool {
        self.on.contains_key(plugin)
    }

    /// Plugins that are on and whose files act, in the order they are read in.
    pub fn to_read(&self) -> impl Iterator<Item = &'static str> {
        let all = WHERE_THEY_LIE.iter().chain(BY_NAME).copied();
        all.filter(|plugin| self.has(plugin))
    }

    /// Plugins that are on, that somebody switched on, and that are not here, with the line and with why that is.
    pub fn strange(&self) -> impl Iterator<Item = (&str, usize, &'static str)> {
        let known =
            |name: &str| [WHERE_THEY_LIE, BY_NAME, STOCK].iter().any(|all| all.contains(&name));
        let strange = self.on.iter().filter(move |(name, _)| !known(name));
        strange.map(|(name, line)| (name.as_str(), *line, reasons::why_idle(&front(name))))
    }
}

/// What the keys of a plugin begin with, mostly: `auth.http.` for `emqx_auth_http`.
#[must_use]
pub fn front(plugin: &str) -> String {
    format!("{}.", plugin.strip_prefix("emqx_").unwrap_or(plugin).replace('_', "."))
}

/// `{name, true}`, `{name, false}` or `name`, which is on as well.
fn switch(term: &Term) -> Option<(&str, bool)> {
    match term {
        Term::Atom(name) => Some((name, true)),
        Term::Tuple(parts) => match parts.as_slice() {
            [Term::Atom(name), Term::Atom(word)] if word == "true" => Some((name, true)),
            [Term::Atom(name), Term::Atom(word)] if word == "false" => Some((name, false)),
            _ => None,
        },
        Term::Text(_) | Term::Number(_) | Term::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_on_where_a_line_says_so() {
        let switches = Switches::parse(
            "%% plugins\n{emqx_management, true}.\n{emqx_bridge_mqtt, false}.\nemqx_retainer.\n\
             {emqx_auth_mnesia, ture}.\n{\"emqx_auth_mnesia\", true}.\n{emqx_auth_jwt, true\n\
             {emqx_web_hook, true}. {emqx_auth_mysql,true}.\n{emqx_dashboard, true}.\n{my_own, true}.\n",
        );
        assert_eq!(switches.to_read().collect::<Vec<_>>(), ["emqx_retainer", "emqx_management"]);
        let bad: Vec<_> = switches.bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(bad, [5, 6, 7], "{switches:?}");
        assert_eq!(
            switches.strange().map(|(name, line, _)| (name, line)).collect::<Vec<_>>(),
            [("emqx_auth_mysql", 8), ("emqx_web_hook", 8), ("my_own", 10)]
        );
        assert!(switches.strange().next().is_some_and(|(.., why)| why.contains("databases")));
    }
}
