//! What the kernel offers and no library does without `unsafe`.
#![allow(unsafe_code, reason = "descriptors come as numbers; each block says why it is sound")]

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

/// The descriptors that systemd opened for this process, with their names (`FileDescriptorName=`). Each is given out once; to
/// be called before this process opens anything that stays open.
///
/// # Errors
/// What systemd says in the environment does not fit what is there.
pub fn inherited() -> io::Result<Vec<(String, OwnedFd)>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let given = sd_notify::listen_fds_with_names()?;
    let own = |(number, name)| {
        // SAFETY: LISTEN_PID names this process, so the number stands for a descriptor that was opened for us before we began;
        // sd-notify has found it open. Nothing else here knows it, and TAKEN sees to it that it gets one owner.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        (name, descriptor)
    };
    Ok(given.map(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_systemd_there_is_none_and_none_is_given_twice() {
        assert!(inherited().unwrap().is_empty());
        assert!(inherited().unwrap().is_empty());
    }
}
