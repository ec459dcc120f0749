//! Discovery `manual`: finds nobody. `emqx-rs-ctl cluster join` names the node to join.

use tokio::sync::mpsc::Sender;

use crate::cluster::Target;

/// Waits until nobody listens any more.
pub(super) async fn run(found: Sender<Vec<Target>>) {
    found.closed().await;
}
