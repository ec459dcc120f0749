//! The cluster as a pure core: members, their routes, and the frames that nodes exchange. No socket, no clock, no task:
//! `node/mesh.rs` drives it in the daemon, the simulator in `tests/it/sim` drives the same code in virtual time.

pub mod hlc;
pub mod member;
mod names;
pub mod node_name;
pub mod node_set;
pub mod replica;
pub mod routes;
pub mod settings;
mod shared_routes;
pub mod wire;

pub use node_name::NodeName;
pub use settings::Settings;
