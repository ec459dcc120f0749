//! Integration tests: one binary, so that it links once; the modules share `support`.
#![allow(
    dead_code,
    clippy::cloned_ref_to_slice_refs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    unreachable_pub
)]

mod abuse;
mod access;
mod authorization;
mod bridge;
mod clients;
mod cluster;
mod commands;
mod conformance;
mod control;
mod ctl;
mod defaults;
mod discovery;
mod features;
mod groups;
mod installed;
mod lab;
mod last_wills;
mod limits;
mod listeners;
mod load;
mod malformed;
mod man;
mod memory;
mod mesh_port;
mod mesh_tls;
mod node_limits;
mod nodes;
mod refusals;
mod rest;
mod restart;
mod retained;
mod secrets;
mod sim;
mod slow_peer;
mod support;
mod sys_topics;
mod systemd;
mod takeover;
mod tidy;
mod why;
