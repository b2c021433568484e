//! A screen that nobody sees, with a keyboard: Xvfb and xdotool. There is no window manager: the test
//! gives the keyboard to a window itself.

use super::process::{Process, tool};
use super::wait::{wait_for, wait_until};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);

/// Names a directory; what is on the screen is then kept there, to be looked at.
const PICTURES: &str = "LAB_SCREENSHOTS";

/// An X server of its own.
pub(crate) struct Screen {
    _server: Process,
    display: String,
}

impl Screen {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let mut command = Process::command(tool("Xvfb", "xvfb"));
        command.args(["-displayfd", "1", "-screen", "0", "1024x768x24"]);
        command.args(["-nolisten", "tcp", "-noreset"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Process::start("Xvfb", &mut command);
        let stdout = server.child().stdout.take().expect("it is piped");
        let mut number = String::new();
        let read = BufReader::new(stdout).read_line(&mut number);
        read.expect("Xvfb says which display it is");
        Self {
            _server: server,
            display: format!(":{}", number.trim()),
        }
    }

    /// What a program needs to find it.
    pub(crate) fn environment(&self) -> [(String, OsString); 1] {
        [("DISPLAY".into(), self.display.clone().into())]
    }

    /// Waits until a window with this in its title is there, and gives it the keyboard.
    #[track_caller]
    pub(crate) fn wait_window(&self, title: &str) {
        wait_until(&format!("a window {title:?}"), BOUND, || {
            self.xdotool(&["search", "--onlyvisible", "--name", title, "windowfocus"]);
            self.xdotool(&["getwindowfocus", "getwindowname"])
                .is_some_and(|focused| focused.contains(title))
        });
    }

    /// Waits until no window with this in its title is left.
    #[track_caller]
    pub(crate) fn wait_no_window(&self, title: &str) {
        wait_until(&format!("no window {title:?}"), BOUND, || {
            !self.has_window(title)
        });
    }

    /// Whether a window with this in its title is there.
    pub(crate) fn has_window(&self, title: &str) -> bool {
        self.xdotool(&["search", "--onlyvisible", "--name", title])
            .is_some()
    }

    /// Types a text, as a person does who is quick at it.
    pub(crate) fn type_text(&self, text: &str) {
        let typed = self.xdotool(&["type", "--delay", "20", text]);
        typed.expect("xdotool types");
    }

    /// Presses keys one after the other, by X11's names of them.
    pub(crate) fn press(&self, keys: &[&str]) {
        // A dialog takes no answer of somebody who cannot have read it: 0.4 s, from when it notices that
        // it is in front, which on a busy machine is later.
        let arguments = [&["sleep", "1.2", "key", "--delay", "40"], keys].concat();
        self.xdotool(&arguments).expect("xdotool presses keys");
    }

    /// Waits until something is drawn in the window that has the keyboard, and keeps a picture of it,
    /// where that is wanted.
    #[track_caller]
    pub(crate) fn wait_drawn(&self, name: &str) {
        let window = self.xdotool(&["getwindowfocus"]).expect("one has it");
        wait_for("something is drawn", BOUND, || {
            let mut command = self.command("import", "imagemagick");
            command.args(["-window", &window, "-format", "%k", "info:"]);
            let colors = String::from_utf8(command.output().ok()?.stdout).ok()?;
            // Text has many shades at its edges.
            (colors.trim().parse::<u32>().ok()? > 50).then_some(())
        });
        if let Some(directory) = std::env::var_os(PICTURES) {
            let file = Path::new(&directory).join(format!("{name}.png"));
            let mut command = self.command("import", "imagemagick");
            command.args(["-window", &window]).arg(file);
            command.status().expect("import runs");
        }
    }

    /// The colour at the upper left of the window that has the keyboard: `#RRGGBB`.
    pub(crate) fn background(&self) -> Option<String> {
        let window = self.xdotool(&["getwindowfocus"])?;
        let mut command = self.command("import", "imagemagick");
        command.args([
            "-window", &window, "-crop", "1x1+4+4", "-depth", "8", "txt:",
        ]);
        let text = String::from_utf8(command.output().ok()?.stdout).ok()?;
        let color = &text[text.rfind('#')?..];
        color.get(..7).map(str::to_owned)
    }

    /// What it prints, if it succeeds.
    fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command("xdotool", "xdotool").args(arguments).output();
        let output = output.expect("xdotool runs");
        let text = String::from_utf8_lossy(&output.stdout);
        output.status.success().then(|| text.trim().to_owned())
    }

    fn command(&self, program: &str, package: &str) -> Command {
        let mut command = Process::command(tool(program, package));
        command.envs(self.environment()).stderr(Stdio::null());
        command
    }
}
