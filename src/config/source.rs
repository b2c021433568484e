//! A text with a name, and where in it a byte stands.

use super::error::{ConfigError, ConfigErrors, Position, Problem};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A configuration that one can write by hand is far below it.
const LIMIT: u64 = 1024 * 1024;

/// Where values come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: PathBuf,
    pub(super) text: String,
    /// Whether the text is the user's or the administrator's own, so that its lines mean something.
    pub(super) has_lines: bool,
}

impl Source {
    /// What is in this program.
    pub(super) fn built_in() -> Self {
        Self {
            name: PathBuf::new(),
            text: String::new(),
            has_lines: false,
        }
    }

    /// Reads the file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigErrors> {
        match read_text(path) {
            Ok(text) => Ok(text.map(|text| Self {
                name: path.to_owned(),
                text,
                has_lines: true,
            })),
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
        let before = self.before(span.start);
        let line = line_of(before);
        self.has_lines.then(|| Position {
            line: before.matches('\n').count() + 1,
            // Editors do not count the mark that Notepad puts at the head of a file.
            column: line
                .strip_prefix('\u{feff}')
                .unwrap_or(line)
                .chars()
                .count()
                + 1,
        })
    }

    /// The line in which the span ends, up to its end.
    pub(super) fn line_to(&self, span: &Range<usize>) -> &str {
        line_of(self.before(span.end))
    }

    fn before(&self, offset: usize) -> &str {
        &self.text[..self.text.floor_char_boundary(offset)]
    }
}

fn line_of(before: &str) -> &str {
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    &before[line_start..]
}

fn read_text(path: &Path) -> Result<Option<String>, Problem> {
    let unreadable = |error: std::io::Error| Problem::Unreadable {
        detail: error.to_string(),
    };
    // Asked before it is opened: opening a named pipe would wait for its other end.
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(Problem::NotAFile),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Problem::TooBig { limit: LIMIT });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Problem::NotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        const TEXT: &str = "\u{feff}a = 1\né = \"ü\" # x\n";
        let source = Source {
            name: PathBuf::new(),
            text: TEXT.to_owned(),
            has_lines: true,
        };
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
