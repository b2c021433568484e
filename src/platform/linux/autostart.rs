//! Start at log-on: an entry in the user's autostart directory.
//! Freedesktop's Desktop Application Autostart and Desktop Entry specifications.

use crate::platform::Autostart;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// Whether the entry of [`set_autostart`] is there.
///
/// # Errors
/// When there is no place for it, or it cannot be read.
pub fn autostart() -> io::Result<Autostart> {
    Ok(match std::fs::read_to_string(entry_file()?) {
        Ok(entry) if is_on(&entry) => Autostart::On,
        Ok(_) => Autostart::Off,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Autostart::Off,
        Err(error) => return Err(error),
    })
}

/// Has the desktop start this program with these arguments when the user logs on; `None`: not any
/// more.
///
/// # Errors
/// When the entry cannot be written or removed.
pub fn set_autostart(arguments: Option<&[&OsStr]>) -> io::Result<()> {
    let file = entry_file()?;
    let Some(arguments) = arguments else {
        return match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
    };
    let entry = entry(&std::env::current_exe()?, arguments)?;
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(file, entry)
}

/// Whether the user wants no start at log-on although there is an entry: here it is removed instead.
///
/// # Errors
/// Never.
pub fn autostart_declined() -> io::Result<bool> {
    Ok(false)
}

fn entry_file() -> io::Result<PathBuf> {
    let base = directories::BaseDirs::new().ok_or(io::ErrorKind::NotFound)?;
    Ok(base.config_dir().join("autostart/passerelle.desktop"))
}

/// Desktops turn an entry off by a key of it.
fn is_on(entry: &str) -> bool {
    let mut lines = entry.lines().map(str::trim);
    !lines.any(|line| matches!(line, "Hidden=true" | "X-GNOME-Autostart-enabled=false"))
}

fn entry(program: &Path, arguments: &[&OsStr]) -> io::Result<String> {
    let words = std::iter::once(program.as_os_str()).chain(arguments.iter().copied());
    let command: io::Result<Vec<String>> = words.map(quoted).collect();
    let command = command?.join(" ");
    Ok(format!(
        "[Desktop Entry]\nType=Application\nName=Passerelle\nExec={command}\nTerminal=false\n"
    ))
}

/// An argument in an `Exec` key: in double quotes, where a backslash stands before what a shell would
/// read; all of that as a string of the file, where a backslash is written twice; `%` doubled, since
/// it begins a field code.
fn quoted(argument: &OsStr) -> io::Result<String> {
    let text = argument
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    let text = text.ok_or_else(|| {
        let reason = format!(
            "{} cannot be written in a desktop entry",
            argument.display()
        );
        io::Error::new(io::ErrorKind::InvalidInput, reason)
    })?;
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str(r"\\\\"),
            '"' | '`' | '$' => quoted.extend([r"\\", character.encode_utf8(&mut [0; 4])]),
            '%' => quoted.push_str("%%"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_starts_this_program_with_its_paths_quoted() {
        let config = OsStr::new("/home/x y/100%/$(id)`\"\\.toml");
        let entry = entry(
            Path::new("/opt/passerelle/passerelle-tray"),
            &[OsStr::new("--config"), config],
        );
        assert_eq!(
            entry.unwrap(),
            "[Desktop Entry]\n\
             Type=Application\n\
             Name=Passerelle\n\
             Exec=\"/opt/passerelle/passerelle-tray\" \"--config\" \
             \"/home/x y/100%%/\\\\$(id)\\\\`\\\\\"\\\\\\\\.toml\"\n\
             Terminal=false\n"
        );
    }

    #[test]
    fn what_would_end_the_line_is_refused() {
        assert!(quoted(OsStr::new("a\nExec=b")).is_err());
    }

    #[test]
    fn an_entry_that_the_desktop_turned_off_is_off() {
        assert!(is_on("[Desktop Entry]\nName=Passerelle\n"));
        assert!(!is_on("[Desktop Entry]\nHidden=true\n"));
        assert!(!is_on("[Desktop Entry]\nX-GNOME-Autostart-enabled=false\n"));
    }
}
