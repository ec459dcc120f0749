//! A terminal that does not show what is typed into it, while a password is asked for.

use std::io::{self, IsTerminal, Stdin};

use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};

/// What Ctrl-C writes.
const INTERRUPT: char = '\u{3}';

/// Standard input shows nothing while this lives. Ctrl-C ends the line instead of the process, which would leave the terminal
/// silent; [`interrupted`] tells.
#[derive(Debug)]
pub struct Silent {
    stdin: Stdin,
    before: Termios,
}

impl Silent {
    /// Silences standard input; nothing happens where it is no terminal.
    ///
    /// # Errors
    /// The terminal refuses.
    pub fn new() -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(&stdin)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        silent.local_flags.insert(LocalFlags::ECHONL);
        if let Some(end) = silent.control_chars.get_mut(SpecialCharacterIndices::VEOL as usize) {
            *end = INTERRUPT as u8;
        }
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent)?;
        Ok(Some(Self { stdin, before }))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // It was possible a moment ago.
        let _ = tcsetattr(&self.stdin, SetArg::TCSAFLUSH, &self.before);
    }
}

/// Whether somebody pressed Ctrl-C in this line.
#[must_use]
pub fn interrupted(line: &str) -> bool {
    line.contains(INTERRUPT)
}
