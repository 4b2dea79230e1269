//! The terminal as lines are drawn on it: a few columns narrower than it is.
//!
//! Ctrl-C echoes `^C` where the cursor stands, behind the last line. In the last column that would begin a new line, and
//! what takes the drawing away would miss the first one by it.
//!
//! Who draws fills each line to the width that it is told and goes on writing: on a terminal of that width the next line
//! begins there by itself, here a line's end is put in.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

use crate::cli::{say, table};

/// Columns that are left free for the echo.
const ECHO: usize = 3;

/// Standard error, written a drawing at a time.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    drawing: Mutex<Drawing>,
}

#[derive(Debug, Default)]
struct Drawing {
    text: String,
    /// Where the cursor will be.
    column: usize,
}

impl Terminal {
    fn drawing(&self) -> MutexGuard<'_, Drawing> {
        self.drawing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the cursor by so many, where that is any; 0 would be taken for 1.
    fn go(&self, n: usize, to: char) -> io::Result<()> {
        if n > 0 {
            self.drawing().text += &format!("\x1b[{n}{to}");
        }
        Ok(())
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        let columns = table::columns().unwrap_or(80).saturating_sub(ECHO).max(1);
        u16::try_from(columns).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        let rows = table::window().map_or(24, |(rows, _)| rows);
        u16::try_from(rows).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(line)?;
        let mut drawing = self.drawing();
        drawing.text.push('\n');
        drawing.column = 0;
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let width = usize::from(self.width());
        let mut drawing = self.drawing();
        for c in text.chars() {
            if c == '\r' {
                drawing.column = 0;
            } else if drawing.column == width {
                drawing.text.push('\n');
                drawing.column = 1;
            } else {
                drawing.column += 1;
            }
            drawing.text.push(c);
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut drawing = self.drawing();
        drawing.text += "\r\x1b[2K";
        drawing.column = 0;
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawing = self.drawing();
        say(&drawing.text);
        drawing.text.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_the_width_does() {
        let terminal = Terminal::default();
        let width = usize::from(terminal.width());
        let line = "a".repeat(width);
        terminal.move_cursor_up(0).unwrap();
        terminal.move_cursor_up(2).unwrap();
        terminal.clear_line().unwrap();
        terminal.write_str(&line).unwrap();
        terminal.write_str("").unwrap();
        terminal.write_str("b").unwrap();
        assert_eq!(
            terminal.drawing().text,
            format!("\x1b[2A\r\x1b[2K{line}\nb")
        );
    }
}
