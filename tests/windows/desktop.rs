//! The desktop: Wine's taskbar, menus and windows as its own functions tell them, the screen's pixels,
//! a mouse and a keyboard.

use crate::common::{program, tool, wait_for, wait_until};
use crate::machine::run;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);

/// Nothing is there.
const DESKTOP: Area = Area {
    left: 10,
    top: 10,
    right: 20,
    bottom: 20,
};

/// The side of an icon in the taskbar.
const ICON: i32 = 16;

/// A part of the screen, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Area {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Area {
    /// The area that the words begin with, and the words after it.
    fn read(line: &str) -> Option<(Self, &str)> {
        let mut words = line.splitn(5, ' ');
        let mut number = || words.next()?.parse().ok();
        let area = Self {
            left: number()?,
            top: number()?,
            right: number()?,
            bottom: number()?,
        };
        Some((area, words.next().unwrap_or_default()))
    }

    fn middle(self) -> (i32, i32) {
        (
            i32::midpoint(self.left, self.right),
            i32::midpoint(self.top, self.bottom),
        )
    }
}

/// An item of the open menu.
#[derive(Debug)]
pub(crate) struct Item {
    area: Area,
    /// `plain`, `grey`, `checked` or `separator`.
    state: String,
    pub(crate) text: String,
}

/// The titles of the windows that show, and whose class is this.
pub(crate) fn windows(class: &str) -> Vec<String> {
    let (_, text) = helper(&["windows"]);
    let windows = text.lines().filter_map(|line| line.split_once('|'));
    let ours = windows.filter(|(name, _)| *name == class);
    ours.map(|(_, title)| title.to_owned()).collect()
}

/// The items of the menu that is open, if one is.
fn menu() -> Option<Vec<Item>> {
    let (code, text) = helper(&["menu"]);
    let items = text.lines().filter_map(Area::read).map(|(area, rest)| {
        let (state, text) = rest.split_once(' ').unwrap_or((rest, ""));
        Item {
            area,
            state: state.to_owned(),
            text: text.to_owned(),
        }
    });
    (code == Some(0)).then(|| items.collect())
}

/// Sends a message to the hidden window of this class, and gives its answer.
pub(crate) fn send(class: &str, message: u32, wparam: usize) -> Option<u32> {
    let (message, wparam) = (message.to_string(), wparam.to_string());
    let (_, answer) = helper(&["send", class, &message, &wparam, "0"]);
    answer.trim().parse().ok()
}

/// Waits for the program's icon, and lets it have clicks, which takes some help under Wine.
pub(crate) fn wait_for_icon() {
    wait_until("there is an icon", BOUND, || helper(&["mend"]).0 == Some(0));
}

/// Waits until the icon in the taskbar is this drawing of ours.
#[track_caller]
pub(crate) fn wait_for_drawing(name: &str) {
    let drawing = Drawing::of(name);
    let icon = icon();
    wait_until(&format!("the icon is {name}"), BOUND, || {
        drawing.is_at(icon)
    });
}

/// Waits until there is no icon.
#[track_caller]
pub(crate) fn wait_for_no_icon() {
    let icon = icon();
    wait_until("the icon is gone", BOUND, || {
        let pixels = pixels(icon);
        pixels.iter().all(|pixel| *pixel == pixels[0])
    });
}

/// Opens the icon's menu.
#[track_caller]
pub(crate) fn open_menu() -> Vec<Item> {
    click(icon(), Button::Right);
    wait_for("the menu is open", BOUND, menu)
}

/// Closes the menu that is open.
pub(crate) fn close_menu() {
    // Its keys do not reach it: to Wine, who owns it is not in front.
    click(DESKTOP, Button::Left);
    wait_until("the menu is closed", BOUND, || menu().is_none());
}

/// Opens the icon's menu and chooses the item.
#[track_caller]
pub(crate) fn choose(text: &str) {
    let items = open_menu();
    let item = items.iter().find(|item| item.text == text);
    let item = item.unwrap_or_else(|| panic!("no {text:?} in {items:#?}"));
    assert_ne!(item.state, "grey", "{text}");
    click(item.area, Button::Left);
}

/// A button of the mouse, as X11 counts them.
#[derive(Debug, Clone, Copy)]
enum Button {
    Left = 1,
    Right = 3,
}

/// Clicks in the middle of the area.
fn click(area: Area, button: Button) {
    let (x, y) = area.middle();
    let button = (button as u8).to_string();
    xdotool(&[
        "mousemove",
        &x.to_string(),
        &y.to_string(),
        "click",
        &button,
    ]);
}

/// Presses a key, by X11's name for it, in the window in the middle of the screen: without a window
/// manager, keys go where the mouse is.
pub(crate) fn press(key: &str) {
    xdotool(&["mousemove", "512", "384", "key", key]);
}

/// Keeps a picture of the screen, where `LAB_SCREENSHOTS` names a directory for that.
pub(crate) fn keep_screenshot(name: &str) {
    if let Some(directory) = std::env::var_os("LAB_SCREENSHOTS") {
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = Path::new(&directory).join(format!("{name}.png"));
        let mut import = bounded("import", "imagemagick");
        let status = import
            .args(["-silent", "-window", "root"])
            .arg(file)
            .status();
        assert!(status.is_ok_and(|status| status.success()), "{name}");
    }
}

/// The first icon has the right end of the taskbar, with two pixels around it.
fn icon() -> Area {
    let (_, text) = helper(&["taskbar"]);
    let (taskbar, _) = Area::read(&text).expect("a taskbar");
    let right = taskbar.right - 2;
    let top = taskbar.top + (taskbar.bottom - taskbar.top - ICON) / 2;
    Area {
        left: right - ICON,
        top,
        right,
        bottom: top + ICON,
    }
}

type Pixel = [u8; 3];

/// A drawing of the icon: red, green, blue and alpha of each pixel.
struct Drawing(Vec<[u8; 4]>);

impl Drawing {
    fn of(name: &str) -> Self {
        let file = format!(
            "{}/assets/png/tray-{name}-{ICON}.png",
            env!("CARGO_MANIFEST_DIR")
        );
        let mut convert = bounded("convert", "imagemagick");
        let output = convert.args([&file, "-depth", "8", "rgba:-"]).output();
        let bytes = output.expect("it can be read").stdout;
        Self(bytes.as_chunks().0.to_vec())
    }

    /// Whether the screen shows it there, on a ground of one colour, which its corner shows.
    fn is_at(&self, area: Area) -> bool {
        let shown = pixels(area);
        let Some(ground) = shown.first() else {
            return false;
        };
        shown.len() == self.0.len()
            && self.0.iter().zip(&shown).all(|(drawn, shown)| {
                (0..3).all(|channel| {
                    let alpha = i32::from(drawn[3]);
                    let over = i32::from(drawn[channel]) * alpha;
                    let under = i32::from(ground[channel]) * (255 - alpha);
                    ((over + under) / 255 - i32::from(shown[channel])).abs() <= 2
                })
            })
    }
}

/// What the screen shows there.
fn pixels(area: Area) -> Vec<Pixel> {
    let (width, height) = (area.right - area.left, area.bottom - area.top);
    let crop = format!("{width}x{height}+{}+{}", area.left, area.top);
    let mut import = bounded("import", "imagemagick");
    import.args([
        "-silent", "-window", "root", "-crop", &crop, "-depth", "8", "rgb:-",
    ]);
    let bytes = import.output().expect("it runs").stdout;
    bytes.as_chunks().0.to_vec()
}

fn xdotool(arguments: &[&str]) {
    let mut xdotool = bounded("xdotool", "xdotool");
    let status = xdotool.args(arguments).status();
    assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
}

/// A tool that is killed when it hangs, as those of X11 may.
fn bounded(name: &str, package: &str) -> Command {
    let mut command = Command::new(tool("timeout", "coreutils"));
    command.arg("20").arg(tool(name, package));
    command
}

/// Runs `tests/wine/desktop.c`.
fn helper(arguments: &[&str]) -> (Option<i32>, String) {
    let program = std::env::var_os("LAB_WINDOWS_DESKTOP").expect("LAB_WINDOWS_DESKTOP");
    run(program::under_wine(PathBuf::from(program)).args(arguments))
}
