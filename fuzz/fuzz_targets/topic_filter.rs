//! Filters go into a trie and out again, one a line; names find there what they find one by one.
//!
//! `-filter` takes out, `=name` asks, anything else is put in.

#![no_main]

use std::collections::BTreeMap;

use emqx_rs::topic::share::Subscription;
use emqx_rs::topic::{TopicFilter, TopicName, Trie};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (mut trie, mut list) = (Trie::new(), BTreeMap::<TopicFilter, usize>::new());
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix('=') {
            let Ok(name) = TopicName::parse(name) else { continue };
            let mut found = Vec::new();
            trie.for_each_match(name, |value| found.push(*value));
            found.sort_unstable();
            let mut want: Vec<_> =
                list.iter().filter(|(filter, _)| filter.matches(name)).map(|(_, n)| *n).collect();
            want.sort_unstable();
            assert_eq!(found, want);
        } else if let Some(filter) = line.strip_prefix('-') {
            assert_eq!(trie.remove(filter), list.remove(filter));
        } else if let Ok(subscription) = Subscription::parse(line) {
            assert_eq!(Subscription::parse(&subscription.to_string()).as_ref(), Ok(&subscription));
            let filter = subscription.filter;
            assert_eq!(TopicFilter::parse(filter.as_str()).as_ref(), Ok(&filter));
            let got = *trie.get_or_insert_with(&filter, || number);
            assert_eq!(got, *list.entry(filter).or_insert(number));
        }
    }
    assert_eq!(trie.len(), list.len());
});
