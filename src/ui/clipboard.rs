//! The desktop's clipboard, for the menu and the dialogs alike.
//!
//! egui-winit could keep one by itself, but only with a decoder for pictures, which nobody here copies.

use arboard::Clipboard as SystemClipboard;
use std::cell::RefCell;
use std::rc::Rc;
use winit::event::{ElementState, KeyEvent};
use winit::keyboard::{Key, ModifiersState, NamedKey};

/// The clipboard, opened when it is used first. Clones are the same one. The last one is to live as long as
/// the program: X11 asks the program for the text when somebody pastes it.
#[derive(Clone, Default)]
pub(super) struct Clipboard(Rc<RefCell<Option<SystemClipboard>>>);

impl Clipboard {
    /// Puts the text there.
    pub(super) fn copy(&self, text: String) {
        self.with(|clipboard| clipboard.set_text(text));
    }

    /// The text that is there, if any is.
    pub(super) fn text(&self) -> Option<String> {
        self.with(SystemClipboard::get_text)
    }

    /// The text that is selected somewhere, which a click of the middle button pastes.
    #[cfg(target_os = "linux")]
    pub(super) fn selection(&self) -> Option<String> {
        use arboard::{GetExtLinux, LinuxClipboardKind};
        self.with(|clipboard| {
            clipboard
                .get()
                .clipboard(LinuxClipboardKind::Primary)
                .text()
        })
    }

    fn with<T>(
        &self,
        act: impl FnOnce(&mut SystemClipboard) -> Result<T, arboard::Error>,
    ) -> Option<T> {
        let mut kept = self.0.borrow_mut();
        if kept.is_none() {
            *kept = SystemClipboard::new()
                .inspect_err(|error| tracing::warn!(%error, "no clipboard"))
                .ok();
        }
        match act(kept.as_mut()?) {
            Ok(done) => Some(done),
            Err(arboard::Error::ContentNotAvailable) => None,
            Err(error) => {
                tracing::warn!(%error, "the clipboard is of no use");
                None
            }
        }
    }
}

/// Whether that key may paste: Ctrl+V in any layout, Shift+Insert, or the key for it.
pub(super) fn may_paste(event: &KeyEvent, held: ModifiersState) -> bool {
    event.state == ElementState::Pressed
        && match &event.logical_key {
            Key::Named(NamedKey::Paste) => true,
            Key::Named(NamedKey::Insert) => held.shift_key(),
            Key::Character(_) => held.control_key(),
            Key::Named(_) | Key::Unidentified(_) | Key::Dead(_) => false,
        }
}
