//! Any text is a configuration or a list of faults, the same each time; what loads is no change of itself.

#![no_main]

use emqx_rs::config::{Config, changes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Files of this machine are none of the input.
    let text = String::from_utf8_lossy(data);
    if ["include", "file", "etc_dir", "data_dir"].iter().any(|word| text.contains(word)) {
        return;
    }
    let env = [("STATE_DIRECTORY".to_owned(), "/nonexistent".to_owned())];
    match (Config::from_text(data, &env), Config::from_text(data, &env)) {
        (Ok(one), Ok(two)) => {
            assert_eq!(changes(&one.effective, &one, &two), []);
            assert_eq!(one.notes, two.notes);
            assert!(!one.listeners.is_empty() || one.notes.iter().any(|note| note.warning));
        }
        (Err(one), Err(two)) => assert_eq!(one.to_string(), two.to_string()),
        (one, two) => panic!("{one:?} and {two:?}"),
    }
});
