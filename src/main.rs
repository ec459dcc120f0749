//! The emqx-rs daemon.

/// Works with pages of 4, 16 and 64 KiB; without the feature `mim` the system's allocator serves.
#[cfg(feature = "mim")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    emqx_rs::daemon::main()
}
