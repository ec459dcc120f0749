//! Routes of shared subscriptions: which places of the route table have members of which group.
//!
//! Few beside the plain routes, so it is built from the same parts without their thrift.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    names::NameTable,
    node_set::NodeSet,
    routes::{Candidate, RouteKey, RouteOp, SharedMatch},
};
use crate::topic::{TopicFilter, TopicName, Trie};

/// The groups of one filter.
#[derive(Debug)]
struct Filter {
    filter: TopicFilter,
    /// By name, with the weight of each place that has members.
    groups: BTreeMap<Arc<str>, Vec<(u16, u8)>>,
}

/// Filters that have groups.
///
/// Invariant: every filter has a group, and every group a member.
#[derive(Debug, Default)]
pub(crate) struct SharedRoutes {
    /// Filter text -> place in `filters`.
    names: NameTable,
    wildcards: Trie<u32>,
    filters: Vec<Option<Filter>>,
    free: Vec<u32>,
}

impl SharedRoutes {
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.names.len() == 0 && self.wildcards.is_empty()
    }

    /// Adds a match for every group with members at a place of which `node_of` knows the node. Returns how many branches of filters it
    /// came to.
    pub(crate) fn matches(
        &self,
        topic: TopicName<'_>,
        out: &mut Vec<SharedMatch>,
        node_of: impl Fn(u16) -> Option<u16>,
    ) -> usize {
        if self.names.len() == 0 {
            return 0;
        }
        let mut add = |number: u32| {
            let Some(Some(Filter { filter, groups })) = self.filters.get(number as usize) else {
                return;
            };
            for (name, members) in groups {
                let candidates: Vec<_> = members
                    .iter()
                    .filter_map(|(place, weight)| {
                        Some(Candidate { node: node_of(*place)?, weight: *weight })
                    })
                    .collect();
                if !candidates.is_empty() {
                    let (group, filter) = (name.clone(), filter.clone());
                    out.push(SharedMatch { group, filter, candidates });
                }
            }
        };
        if let Some(number) = self.names.find(topic.as_str()).and_then(|e| self.names.value(e)) {
            add(number);
        }
        self.wildcards.for_each_match(topic, |number| add(*number))
    }

    /// Carries out `op` for the place. Returns what changes in its count and hash.
    pub(crate) fn change(&mut self, place: u16, group: &Arc<str>, op: &RouteOp) -> (i64, u64) {
        let hash = op.key.hash64(op.weight);
        let before = self.weight(place, group, &op.key.filter);
        let before_hash = before.map_or(0, |weight| op.key.hash64(weight));
        let count = i64::from(op.add) - i64::from(before.is_some());
        if op.add {
            self.add(place, group, op);
            (count, hash.wrapping_sub(before_hash))
        } else {
            self.remove(place, group, &op.key.filter);
            (count, before_hash.wrapping_neg())
        }
    }

    /// Takes the places in `gone` out of all groups.
    pub(crate) fn forget(&mut self, gone: &NodeSet) {
        for number in 0..u32::try_from(self.filters.len()).unwrap_or(u32::MAX) {
            let Some(Some(filter)) = self.filters.get_mut(number as usize) else { continue };
            filter.groups.retain(|_, members| {
                members.retain(|(place, _)| !gone.contains(*place));
                !members.is_empty()
            });
            self.tidy(number);
        }
    }

    /// Adds the routes of `place` to `out`.
    pub(crate) fn routes_of(&self, place: u16, out: &mut Vec<(RouteKey, u8)>) {
        for Filter { filter, groups } in self.filters.iter().flatten() {
            for (name, members) in groups {
                let weight = members.iter().find(|(at, _)| *at == place).map(|(_, w)| *w);
                out.extend(weight.map(|weight| {
                    let (filter, group) = (filter.clone(), Some(name.clone()));
                    (RouteKey { filter, group }, weight)
                }));
            }
        }
    }

    fn number(&self, filter: &str) -> Option<u32> {
        self.names.find(filter).and_then(|entry| self.names.value(entry))
    }

    fn weight(&self, place: u16, group: &str, filter: &TopicFilter) -> Option<u8> {
        let filter = self.filters.get(self.number(filter.as_str())? as usize)?.as_ref()?;
        filter.groups.get(group)?.iter().find(|(at, _)| *at == place).map(|(_, weight)| *weight)
    }

    /// Whether a place that counts has a member of `group` on `filter`.
    pub(crate) fn has_member(
        &self,
        group: &str,
        filter: &TopicFilter,
        counts: impl Fn(u16) -> bool,
    ) -> bool {
        let number = self.number(filter.as_str()).and_then(|n| usize::try_from(n).ok());
        let found = number.and_then(|number| self.filters.get(number)).and_then(Option::as_ref);
        let members = found.and_then(|found| found.groups.get(group));
        members.is_some_and(|members| members.iter().any(|(place, _)| counts(*place)))
    }

    fn add(&mut self, place: u16, group: &Arc<str>, op: &RouteOp) {
        let number = match self.number(op.key.filter.as_str()) {
            Some(number) => number,
            None => match self.new_filter(&op.key.filter) {
                Some(number) => number,
                None => return,
            },
        };
        let Some(Some(filter)) = self.filters.get_mut(number as usize) else { return };
        let members = filter.groups.entry(group.clone()).or_default();
        members.retain(|(at, _)| *at != place);
        members.push((place, op.weight));
    }

    fn new_filter(&mut self, filter: &TopicFilter) -> Option<u32> {
        let new = Some(Filter { filter: filter.clone(), groups: BTreeMap::new() });
        let number = match self.free.pop() {
            Some(number) => {
                *self.filters.get_mut(number as usize)? = new;
                number
            }
            None => {
                self.filters.push(new);
                u32::try_from(self.filters.len() - 1).ok()?
            }
        };
        self.names.insert(filter.as_str(), number)?;
        if filter.has_wildcard() {
            *self.wildcards.get_or_insert_with(filter, || number) = number;
        }
        Some(number)
    }

    fn remove(&mut self, place: u16, group: &str, filter: &TopicFilter) {
        let Some(number) = self.number(filter.as_str()) else { return };
        let Some(Some(filter)) = self.filters.get_mut(number as usize) else { return };
        if let Some(members) = filter.groups.get_mut(group) {
            members.retain(|(at, _)| *at != place);
            if members.is_empty() {
                filter.groups.remove(group);
            }
        }
        self.tidy(number);
    }

    /// Removes a filter without groups.
    fn tidy(&mut self, number: u32) {
        let Some(place) = self.filters.get_mut(number as usize) else { return };
        let Some(filter) = place else { return };
        if !filter.groups.is_empty() {
            return;
        }
        let text = filter.filter.as_str();
        if let Some(entry) = self.names.find(text) {
            self.names.remove(entry);
        }
        self.wildcards.remove(text);
        *place = None;
        self.free.push(number);
    }
}
