//! [`Output`]: the standard output, as text or JSON.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde::Serialize;

use crate::failure::Failure;

/// The widest line of running text.
const MAX_WIDTH: usize = 100;

/// What a subcommand found out: its fields are the JSON, [`text`](Self::text) is for a person.
pub(crate) trait Report: Serialize {
    /// Prints it for a person.
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()>;
}

/// The standard output. Nothing is printed past it, so that a broken pipe ends the program quietly.
pub(crate) struct Output {
    json: bool,
    terminal: bool,
    writer: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self { json, terminal, writer: BufWriter::new(stdout.lock()) }
    }

    /// Prints a report and hands it to the reader at once.
    pub(crate) fn report(&mut self, report: &impl Report) -> Result<(), Failure> {
        if self.json {
            serde_json::to_writer(&mut self.writer, report).map_err(io::Error::from)?;
            self.writer.write_all(b"\n")?;
        } else {
            let width = if self.terminal { width() } else { usize::MAX };
            report.text(&mut Paper { writer: &mut self.writer, width })?;
        }
        Ok(self.writer.flush()?)
    }

    /// The plain output, for what is the same with and without `--json`.
    pub(crate) fn writer(&mut self) -> &mut impl Write {
        &mut self.writer
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }
}

fn width() -> usize {
    let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    columns.clamp(20, MAX_WIDTH)
}

/// The text of bytes from elsewhere, with what is no text escaped: no terminal obeys it.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() && character != '\t' {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    text
}

/// Where text is printed, with the width that running text has. On anything but a terminal, lines are as long as they
/// come, for `grep`.
pub(crate) struct Paper<'a> {
    writer: &'a mut dyn Write,
    width: usize,
}

impl Paper<'_> {
    /// Prints running text, wrapped. The first line starts with `first`, the others with `other`.
    pub(crate) fn paragraph(&mut self, first: &str, other: &str, text: &str) -> io::Result<()> {
        if self.width == usize::MAX {
            return writeln!(self, "{first}{text}");
        }
        let options = textwrap::Options::new(self.width).initial_indent(first).subsequent_indent(other);
        for line in textwrap::wrap(text, options) {
            writeln!(self, "{line}")?;
        }
        Ok(())
    }
}

impl Write for Paper<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_is_no_text_is_escaped() {
        assert_eq!(printable(b"plain\tline"), "plain\tline");
        assert_eq!(printable("grün\u{1b}[2J".as_bytes()), "grün\\u{1b}[2J");
        assert_eq!(printable(b"a\xff\x00b"), "a\\xff\\u{0}b");
    }
}
