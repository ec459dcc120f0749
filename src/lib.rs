//! emqx-rs: a clustered MQTT broker for a LAN.
//!
//! Cores (`topic`, `mqtt`, `cluster`, `broker`) decide: events and the time go in, actions come out. `net` moves bytes and
//! knows no meaning. `node` is where the two meet. `config` and `daemon` build a node and hand it to systemd.
//! ARCHITECTURE.md has the map; `tests/it/tidy.rs` keeps the arrows between these modules.

pub mod bench;
pub mod broker;
pub mod cluster;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod mqtt;
pub mod net;
pub mod node;
pub mod sort;
pub mod time;
pub mod topic;
