//! Who may connect and what clients may do, where that takes time, a file or a server: passwords, HTTP, keys for tokens, bans.
//! The verdicts are `broker/access.rs`, `broker/acl.rs` and `broker/bans.rs`.

mod abreast;
pub mod auth_http;
pub(super) mod authenticator;
pub(super) mod authorizer;
pub(super) mod banned;
mod http_pool;
pub mod jwks;
mod logins;
pub mod renewal;
