//! A field for what must not be seen.
//!
//! egui keeps what is typed into its fields in many places: the undo history, the layout cache, the
//! values that a screen reader gets, copies made in passing. So it is never given the secret to keep:
//! [`Typed`] shows egui a row of dots, and passes what is inserted and deleted on to the secret. Where
//! the user wants to see what was typed, the characters are painted over the dots, one by one.
//!
//! What is out of reach: a key press, or the whole of a pasted text, is an event before it is typed,
//! and winit, the clipboard and egui free events without wiping them.

use crate::model::Secret;
use crate::ui::widgets;
use egui::text::{CCursor, CharIndex};
use egui::text_edit::TextEditOutput;
use egui::{Align2, Color32, FontSelection, Id, TextBuffer, TextEdit, TextStyle, Ui, pos2};
use std::any::TypeId;
use std::ops::Range;
use zeroize::Zeroizing;

/// The longest answer, in bytes: as much as OpenSSH takes. The buffer never grows, for growing would
/// leave copies behind.
const LONGEST: usize = 1024;

/// What is shown for a character. Monospaced, so a character fits in its place.
const DOT: char = '•';

/// What was typed into a field. Wiped when dropped.
pub(in crate::ui) struct Typed {
    text: Zeroizing<String>,
    /// A dot for each character, for a field whose text is not egui's to know.
    dots: Option<String>,
}

impl Typed {
    /// Nothing yet, for a field that does not show what is typed.
    pub(in crate::ui) fn hidden() -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(LONGEST)),
            dots: Some(String::new()),
        }
    }

    /// Nothing yet, for a field that shows it, screen readers included.
    pub(in crate::ui) fn shown() -> Self {
        Self {
            dots: None,
            ..Self::hidden()
        }
    }

    /// Whether nothing is typed.
    pub(in crate::ui) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether egui, and the user, are shown dots.
    pub(in crate::ui) fn is_hidden(&self) -> bool {
        self.dots.is_some()
    }

    /// Hands over what was typed, without a copy.
    pub(in crate::ui) fn take_secret(&mut self) -> Secret {
        self.dots = self.dots.as_ref().map(|_| String::new());
        let next = String::with_capacity(LONGEST);
        Secret::new(std::mem::replace(&mut *self.text, next))
    }

    /// Shows the field; `revealed` shows what is typed even where it is hidden.
    pub(in crate::ui) fn show(
        &mut self,
        ui: &mut Ui,
        id: Id,
        width: f32,
        revealed: bool,
    ) -> TextEditOutput {
        let hidden = self.is_hidden();
        let mut edit = TextEdit::singleline(self)
            .id(id)
            .password(hidden)
            .desired_width(width)
            .align(Align2::LEFT_CENTER);
        if hidden {
            edit = edit.font(TextStyle::Monospace);
            if revealed {
                edit = edit.text_color(Color32::TRANSPARENT);
            }
        }
        let mut output = edit.show(ui);
        if hidden {
            output.state.clear_undoer();
            output.state.clone().store(ui.ctx(), output.response.id);
            if revealed {
                self.paint_over_dots(ui, &output);
            }
        }
        widgets::ring(ui, &output.response);
        output
    }

    fn paint_over_dots(&self, ui: &Ui, output: &TextEditOutput) {
        let font = FontSelection::from(TextStyle::Monospace).resolve(ui.style());
        let painter = ui.painter().with_clip_rect(output.text_clip_rect);
        let color = ui.visuals().text_color();
        let place_of = |index| output.galley.pos_from_cursor(CCursor::new(index));
        for (index, character) in self.text.chars().enumerate() {
            let (left, right) = (place_of(index), place_of(index + 1));
            let middle = pos2((left.min.x + right.min.x) / 2.0, left.center().y);
            let at = output.galley_pos + middle.to_vec2();
            painter.text(at, Align2::CENTER_CENTER, character, font.clone(), color);
        }
    }

    fn count_dots(&mut self) {
        let count = self.text.chars().count();
        if let Some(dots) = &mut self.dots {
            dots.clear();
            dots.extend(std::iter::repeat_n(DOT, count));
        }
    }

    fn byte_at(&self, character: CharIndex) -> usize {
        let mut starts = self.text.char_indices().map(|(start, _)| start);
        starts.nth(character.0).unwrap_or(self.text.len())
    }
}

impl TextBuffer for Typed {
    fn is_mutable(&self) -> bool {
        true
    }

    fn as_str(&self) -> &str {
        self.dots.as_deref().unwrap_or(&self.text)
    }

    fn insert_text(&mut self, text: &str, at: CharIndex) -> usize {
        let room = LONGEST - self.text.len();
        let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
        let end = ends.take_while(|end| *end <= room).last().unwrap_or(0);
        let fitting = &text[..end];
        let at = self.byte_at(at);
        self.text.insert_str(at, fitting);
        self.count_dots();
        fitting.chars().count()
    }

    fn delete_char_range(&mut self, range: Range<CharIndex>) {
        let (start, end) = (self.byte_at(range.start), self.byte_at(range.end));
        // What moves up leaves its former end behind, within the buffer, which is wiped as a whole.
        self.text.replace_range(start..end.max(start), "");
        self.count_dots();
    }

    /// How egui undoes: with what it remembers, which for a hidden text is dots.
    fn replace_with(&mut self, text: &str) {
        if self.dots.is_none() {
            self.clear();
            self.insert_text(text, CharIndex(0));
        }
    }

    fn type_id(&self) -> TypeId {
        TypeId::of::<Self>()
    }
}
