//! acl.conf: Erlang terms to access rules.
//!
//! `{allow | deny, Who, publish | subscribe | pubsub, [Topic]}.` or `{allow | deny, all}.`; the first rule that matches
//! counts. Every rule at fault is reported, with its line.

use std::sync::Arc;

use super::erlang_terms::{Term, terms};
use crate::broker::access::{Cidr, Clients, Rule, Rules, TopicPattern};
use crate::broker::name_pattern::NamePattern;

/// A rule at fault: its line, and what was expected.
pub type BadRule = (usize, String);

/// Reads the text of the acl.conf that stands at `path`.
///
/// # Errors
/// Every rule that is not one, or the one place where the text is no list of terms.
pub fn parse(path: &str, text: &str) -> Result<Rules, Vec<BadRule>> {
    let terms = terms(text).map_err(|bad| vec![(bad.line, bad.what)])?;
    let (mut rules, mut bad) = (Vec::new(), Vec::new());
    for (line, term) in terms {
        let shown = cut(&term.to_string());
        let from = format!("{path}:{line}: {shown}");
        match rule(&term, (rules.len(), from)) {
            Ok(rule) => rules.push(rule),
            Err(what) => bad.push((line, format!("{shown}: expected {what}"))),
        }
    }
    if bad.is_empty() { Ok(Rules(rules.into())) } else { Err(bad) }
}

/// What is shown of a term: its first 80 characters.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.into()
    } else {
        text.chars().take(77).chain("...".chars()).collect()
    }
}

fn rule(term: &Term, (place, from): (usize, String)) -> Result<Rule, String> {
    const FORM: &str = "{allow or deny, Who, publish, subscribe or pubsub, [Topics]}";
    let Term::Tuple(parts) = term else { return Err(FORM.into()) };
    let (verdict, who, access, topics) = match parts.as_slice() {
        [verdict, who] if is_atom(who, "all") => (verdict, who, None, None),
        [verdict, who, access] => (verdict, who, Some(access), None),
        [verdict, who, access, topics] => (verdict, who, Some(access), Some(topics)),
        _ => return Err(FORM.into()),
    };
    let allow = match atom(verdict) {
        Some("allow") => true,
        Some("deny") => false,
        _ => return Err("allow or deny first".into()),
    };
    let (publish, subscribe) = match access.map_or(Some("pubsub"), atom) {
        Some("pubsub" | "all") => (true, true),
        Some("publish") => (true, false),
        Some("subscribe") => (false, true),
        _ => return Err("publish, subscribe or pubsub third".into()),
    };
    let (who, topics, from) = (clients(who)?, patterns(topics)?, from.into());
    let number = u32::try_from(place).unwrap_or(Rule::OF_TOKEN);
    Ok(Rule { allow, who, publish, subscribe, topics, number, from })
}

fn patterns(topics: Option<&Term>) -> Result<Option<Arc<[TopicPattern]>>, String> {
    match topics {
        None => Ok(None),
        Some(all) if is_atom(all, "all") => Ok(None),
        Some(Term::List(topics)) => Ok(Some(topics.iter().map(topic).collect::<Result<_, _>>()?)),
        Some(_) => Err("a list of topics fourth".into()),
    }
}

fn topic(term: &Term) -> Result<TopicPattern, String> {
    match term {
        Term::Text(text) => match crate::topic::TopicFilter::parse(text) {
            Ok(_) => Ok(TopicPattern::filter(text)),
            Err(error) => Err(format!("a topic filter instead of {text:?} ({error})")),
        },
        Term::Tuple(parts) => match parts.as_slice() {
            [eq, Term::Text(text)] if is_atom(eq, "eq") => Ok(TopicPattern::literal(text)),
            _ => Err(format!("\"filter\" or {{eq, \"filter\"}} instead of {term}")),
        },
        Term::Atom(_) | Term::Number(_) | Term::List(_) => {
            Err(format!("\"filter\" or {{eq, \"filter\"}} instead of {term}"))
        }
    }
}

fn clients(term: &Term) -> Result<Clients, String> {
    const FORM: &str = "all, {user, \"name\"}, {client, \"id\"}, {ipaddr, \"block\"}, {ipaddrs, [\"block\"]}, \
                        {'and', [Who]} or {'or', [Who]}";
    if is_atom(term, "all") {
        return Ok(Clients::All);
    }
    let Term::Tuple(parts) = term else { return Err(format!("{FORM} instead of {term}")) };
    let [kind, value] = parts.as_slice() else { return Err(format!("{FORM} instead of {term}")) };
    let each = |items: &[Term]| items.iter().map(clients).collect::<Result<Vec<_>, _>>();
    match (atom(kind), value) {
        (Some("user" | "username" | "client" | "clientid"), Term::Atom(word)) if word == "all" => {
            Ok(Clients::All)
        }
        (Some("user" | "username"), Term::Text(name)) => Ok(Clients::User(name.as_str().into())),
        (Some("client" | "clientid"), Term::Text(id)) => Ok(Clients::Client(id.as_str().into())),
        (Some("user" | "username"), Term::Tuple(like)) => {
            pattern(like, value).map(Clients::UserLike)
        }
        (Some("client" | "clientid"), Term::Tuple(like)) => {
            pattern(like, value).map(Clients::ClientLike)
        }
        (Some("ipaddr"), Term::Text(block)) => Ok(Clients::Addresses(vec![cidr(block)?])),
        (Some("ipaddrs"), Term::List(blocks)) => {
            let block = |block: &Term| match block {
                Term::Text(text) => cidr(text),
                Term::Atom(_) | Term::Number(_) | Term::Tuple(_) | Term::List(_) => {
                    Err(format!("an address block instead of {block}"))
                }
            };
            Ok(Clients::Addresses(blocks.iter().map(block).collect::<Result<_, _>>()?))
        }
        (Some("and"), Term::List(items)) => each(items).map(Clients::And),
        (Some("or"), Term::List(items)) => each(items).map(Clients::Or),
        _ => Err(format!("{FORM} instead of {term}")),
    }
}

/// `{re, "expression"}`
fn pattern(parts: &[Term], shown: &Term) -> Result<NamePattern, String> {
    match parts {
        [re, Term::Text(text)] if is_atom(re, "re") => {
            NamePattern::parse(text).map_err(|bad| bad.to_string())
        }
        _ => Err(format!("a name in quotes or {{re, \"expression\"}} instead of {shown}")),
    }
}

fn cidr(text: &str) -> Result<Cidr, String> {
    Cidr::parse(text)
        .ok_or_else(|| format!("an address or a block such as 192.168.0.0/16 instead of {text:?}"))
}

fn atom(term: &Term) -> Option<&str> {
    match term {
        Term::Atom(word) => Some(word),
        Term::Text(_) | Term::Number(_) | Term::Tuple(_) | Term::List(_) => None,
    }
}

fn is_atom(term: &Term, word: &str) -> bool {
    atom(term) == Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::access::{Access, Action, Who};

    /// The rules EMQX 4.4 ships.
    const SHIPPED: &str = r##"
        {allow, {user, "dashboard"}, subscribe, ["$SYS/#"]}.
        {allow, {ipaddr, "127.0.0.1"}, pubsub, ["$SYS/#", "#"]}.
        {deny, all, subscribe, ["$SYS/#", {eq, "#"}]}.
        {allow, all}.
    "##;

    #[track_caller]
    fn check(
        text: &str,
        (client, user, peer): (&str, &str, &str),
        action: Action,
        topic: &str,
        want: bool,
    ) {
        let access = Access { rules: parse("acl.conf", text).unwrap(), ..Access::default() };
        let peer = peer.parse().unwrap();
        let username = Some(user).filter(|user| !user.is_empty());
        let who = Who { zone: "z", client_id: client, username, peer };
        assert_eq!(
            access.allows(&who, action, topic),
            want,
            "{client} {user} {peer} {action:?} {topic}"
        );
    }

    #[test]
    fn the_rules_emqx_ships_do_what_they_do_there() {
        let lan = ("c", "", "10.0.0.7");
        check(SHIPPED, lan, Action::Publish, "a", true);
        check(SHIPPED, lan, Action::Subscribe, "a/#", true);
        check(SHIPPED, lan, Action::Subscribe, "#", false);
        check(SHIPPED, lan, Action::Subscribe, "$SYS/#", false);
        check(SHIPPED, ("c", "dashboard", "10.0.0.7"), Action::Subscribe, "$SYS/#", true);
        check(SHIPPED, ("c", "", "127.0.0.1"), Action::Subscribe, "$SYS/#", true);
        check(SHIPPED, ("c", "", "127.0.0.1"), Action::Subscribe, "#", true);
    }

    #[test]
    fn every_who_is_understood() {
        let text = r#"
            {allow, {client, "c1"}, publish, ["a"]}.
            {allow, {ipaddrs, ["10.0.0.0/8", "fe80::/10"]}, publish, ["b"]}.
            {allow, {user, {re, "^dev-[0-9]+$"}}, publish, ["d"]}.
            {allow, {clientid, {re, "-7"}}, publish, ["e/%c"]}.
            {allow, {'and', [{user, "u"}, {'or', [{client, "c1"}, {client, "c2"}]}]}, pubsub, ["c/%c"]}.
        "#;
        for (who, topic, want) in [
            (("c1", "", "1.1.1.1"), "a", true),
            (("c2", "", "1.1.1.1"), "a", false),
            (("x", "", "10.1.1.1"), "b", true),
            (("x", "", "fe80::1"), "b", true),
            (("x", "", "1.1.1.1"), "b", false),
            (("x", "dev-12", "1.1.1.1"), "d", true),
            (("x", "dev-12x", "1.1.1.1"), "d", false),
            (("dev-12", "", "1.1.1.1"), "d", false),
            (("x-77", "", "1.1.1.1"), "e/x-77", true),
            (("x-8", "", "1.1.1.1"), "e/x-8", false),
            (("c2", "u", "1.1.1.1"), "c/c2", true),
            (("c2", "u", "1.1.1.1"), "c/c1", false),
            (("c3", "u", "1.1.1.1"), "c/c3", false),
        ] {
            check(text, who, Action::Publish, topic, want);
        }
    }

    #[test]
    fn every_bad_rule_is_reported_with_its_line() {
        let text = "{allow, all}.\n{permit, all}.\n{deny, all, read, [\"a\"]}.\n{deny, all, publish, \"a\"}.\n\
                    {deny, {user, {re, \"(a\"}}, publish, [\"a\"]}.\n{deny, {ipaddr, \"x\"}, publish, [\"a\"]}.\n\
                    {deny, all, publish, [\"a/#/b\"]}.\nx.\n{allow, bob}.";
        let bad = parse("acl.conf", text).unwrap_err();
        assert_eq!(bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(bad[3].1.contains("regular expression"), "{}", bad[3].1);
        assert_eq!(parse("acl.conf", "{allow, all").unwrap_err()[0].0, 1);
    }
}
