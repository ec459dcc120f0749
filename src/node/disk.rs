//! Room in the data folder: looked at now and then, and told when there is little. Nothing of what clients send is stored there,
//! so nothing of it is refused.

use std::{path::PathBuf, sync::Arc, time::Duration};

use nix::sys::statvfs::statvfs;

use serde_json::json;

use super::{alarms, hub::Hub};
use crate::broker::stats::Metric;

const EVERY: Duration = Duration::from_secs(30);
/// Less than so many bytes is little, and less than a twentieth of the file system.
const LITTLE: u64 = 64 << 20;

/// Bytes of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    free: u64,
    all: u64,
}

impl Room {
    const fn is_little(self) -> bool {
        let twentieth = self.all / 20;
        self.free < if twentieth > LITTLE { twentieth } else { LITTLE }
    }

    /// `None`: nobody says.
    fn at(folder: &std::path::Path) -> Option<Self> {
        let found = statvfs(folder).ok()?;
        let size = found.fragment_size();
        let bytes = |blocks: u64| blocks.saturating_mul(size);
        Some(Self { free: bytes(found.blocks_available()), all: bytes(found.blocks()) })
    }
}

/// Runs for ever.
pub(super) async fn watch(hub: Arc<Hub>, folder: PathBuf) {
    let mut was_little = false;
    loop {
        if let Some(room) = Room::at(&folder) {
            let is_little = room.is_little();
            let (path, free_mib) = (folder.display(), room.free >> 20);
            if is_little && !was_little {
                hub.stats.count(Metric::DiskLow);
                let details = json!({ "folder": path.to_string(), "free_mib": free_mib });
                let message = format!("{free_mib} MiB are free in {path}");
                hub.raise_alarm(alarms::DISK, message, details);
                tracing::warn!(name: "disk-low", folder = %path, free_mib, "little room in the data folder");
            } else if was_little && !is_little {
                hub.end_alarm(alarms::DISK);
                tracing::info!(folder = %path, free_mib, "there is room in the data folder again");
            }
            was_little = is_little;
        }
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_or_64_mib_is_little() {
        let little = |free, all| Room { free, all }.is_little();
        assert!(little(LITTLE - 1, LITTLE) && !little(LITTLE, LITTLE));
        assert!(little((10 << 30) / 20 - 1, 10 << 30) && !little((10 << 30) / 20, 10 << 30));
    }

    #[test]
    fn a_folder_has_room_and_none_has_not() {
        let room = Room::at(&std::env::temp_dir()).unwrap();
        assert!(room.all > 0 && room.free <= room.all);
        assert_eq!(Room::at(std::path::Path::new("/nowhere")), None);
    }
}
