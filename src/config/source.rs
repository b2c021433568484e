//! A text with a name, and where in it a byte stands.

use super::error::{ConfigError, ConfigErrors, Position, Problem};
use crate::files::{self, FileError};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A configuration that one can write by hand is far below it.
const LIMIT: u64 = 1024 * 1024;

/// Where values come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: PathBuf,
    pub(super) text: String,
    /// `None` where the text is neither the user's nor the administrator's own, so that its lines
    /// mean nothing.
    places: Option<Places>,
}

/// How many bytes are counted at once when a place is looked up.
const BLOCK: usize = 256;

/// Finds the line and the column of a byte without counting all that stands before it.
#[derive(Debug)]
struct Places {
    /// Where each line begins.
    lines: Vec<usize>,
    /// How many characters begin before each block of bytes.
    characters: Vec<usize>,
}

impl Source {
    /// A text that somebody wrote.
    pub(super) fn written(name: PathBuf, text: String) -> Self {
        Self {
            name,
            places: Some(Places::of(&text)),
            text,
        }
    }

    /// A text that was made of something else, such as a registry.
    pub(super) fn made(name: PathBuf, text: String) -> Self {
        Self {
            name,
            text,
            places: None,
        }
    }

    /// What is in this program.
    pub(super) fn built_in() -> Self {
        Self::made(PathBuf::new(), String::new())
    }

    /// Reads the file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigErrors> {
        match read_text(path) {
            Ok(text) => Ok(text.map(|text| Self::written(path.to_owned(), text))),
            Err(problem) => Err(ConfigErrors(vec![ConfigError {
                file: path.to_owned(),
                position: None,
                key: String::new(),
                problem,
                allowed: None,
            }])),
        }
    }

    /// Where the span begins.
    pub(super) fn position(&self, span: &Range<usize>) -> Option<Position> {
        let places = self.places.as_ref()?;
        let offset = self.text.floor_char_boundary(span.start);
        let (line, start) = places.line(offset);
        let characters = places.characters(&self.text, start..offset);
        // Editors do not count the mark that Notepad puts at the head of a file.
        let mark = usize::from(self.text[start..offset].starts_with('\u{feff}'));
        Some(Position {
            line,
            column: characters - mark + 1,
        })
    }

    /// The line in which the span ends, up to its end.
    pub(super) fn line_to(&self, span: &Range<usize>) -> &str {
        let before = &self.text[..self.text.floor_char_boundary(span.end)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        &before[start..]
    }
}

impl Places {
    fn of(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut characters = vec![0];
        let mut count = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            count += characters_in(block);
            characters.push(count);
        }
        Self {
            lines: [0]
                .into_iter()
                .chain(newlines.map(|(at, _)| at + 1))
                .collect(),
            characters,
        }
    }

    /// The number of the line that holds the byte, from 1, and where that line begins.
    fn line(&self, offset: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= offset);
        let start = number.checked_sub(1).and_then(|line| self.lines.get(line));
        (number, start.copied().unwrap_or_default())
    }

    /// How many characters there are between these two bytes.
    fn characters(&self, text: &str, bytes: Range<usize>) -> usize {
        let before = |offset: usize| {
            let block = offset / BLOCK;
            let counted = self.characters.get(block).copied().unwrap_or_default();
            counted + characters_in(&text.as_bytes()[block * BLOCK..offset])
        };
        before(bytes.end) - before(bytes.start)
    }
}

/// How many characters begin in these bytes of UTF-8.
fn characters_in(bytes: &[u8]) -> usize {
    let goes_on = |byte: &&u8| (**byte & 0xc0) == 0x80;
    bytes.len() - bytes.iter().filter(goes_on).count()
}

fn read_text(path: &Path) -> Result<Option<String>, Problem> {
    let bytes = match files::read(path, LIMIT) {
        Ok(bytes) => bytes,
        Err(FileError::Missing) => return Ok(None),
        Err(FileError::NotAFile) => return Err(Problem::NotAFile),
        Err(FileError::TooBig { limit }) => return Err(Problem::TooBig { limit }),
        Err(FileError::Silent) => return Err(Problem::Silent),
        Err(FileError::Io(error)) => {
            return Err(Problem::Unreadable {
                detail: error.to_string(),
            });
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Problem::NotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        const TEXT: &str = "\u{feff}a = 1\né = \"ü\" # x\n";
        let source = Source::written(PathBuf::new(), TEXT.to_owned());
        let after = |start: usize| {
            let Position { line, column } = source.position(&(start..start)).unwrap();
            (line, column)
        };
        let at = |needle: &str| after(TEXT.find(needle).unwrap());
        assert_eq!(at("a"), (1, 1));
        assert_eq!(at("é"), (2, 1));
        assert_eq!(at("#"), (2, 9));
        assert_eq!(after(TEXT.len()), (3, 1));
        assert_eq!(after(TEXT.len() + 9), (3, 1));
    }

    #[test]
    fn positions_are_right_in_long_lines_of_any_characters() {
        let line = "é=\u{1f511},".repeat(BLOCK);
        let text = format!("{line}\n{line}");
        let source = Source::written(PathBuf::new(), text.clone());
        for (offset, _) in text.char_indices() {
            let before = &text[..offset];
            let start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let expected = Position {
                line: before.matches('\n').count() + 1,
                column: before[start..].chars().count() + 1,
            };
            assert_eq!(source.position(&(offset..offset)), Some(expected));
        }
    }

    #[test]
    fn what_is_not_a_text_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let problem = |path: &Path| {
            let ConfigErrors(errors) = Source::read(path).unwrap_err();
            assert_eq!(errors.len(), 1);
            assert_eq!((&errors[0].file, errors[0].position), (&path.into(), None));
            errors[0].problem.clone()
        };
        assert!(Source::read(&dir.path().join("none")).unwrap().is_none());
        assert_eq!(problem(dir.path()), Problem::NotAFile);
        #[cfg(unix)]
        {
            let fifo = dir.path().join("fifo");
            let made = std::process::Command::new("mkfifo").arg(&fifo).status();
            assert!(made.unwrap().success());
            assert_eq!(problem(&fifo), Problem::NotAFile);
            assert_eq!(problem(Path::new("/dev/zero")), Problem::NotAFile);
        }

        let file = dir.path().join("config.toml");
        std::fs::write(&file, [0xff, 0xfe, b'a', 0]).unwrap();
        assert_eq!(problem(&file), Problem::NotUtf8);

        std::fs::write(&file, vec![b'#'; LIMIT as usize]).unwrap();
        assert!(Source::read(&file).unwrap().is_some());
        std::fs::write(&file, vec![b'#'; LIMIT as usize + 1]).unwrap();
        assert_eq!(problem(&file), Problem::TooBig { limit: LIMIT });

        // To Windows, that is a file which is not there.
        #[cfg(unix)]
        assert!(matches!(
            problem(&file.join("below")),
            Problem::Unreadable { .. }
        ));
    }
}
