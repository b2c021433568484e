//! The few pieces that every dialog is made of.

use super::theme::{CONTROL_HEIGHT, HIGHEST_BODY, MARGIN, Palette, WIDTH};
use egui::{
    Align, Align2, Button, Color32, CornerRadius, Frame, Id, Key, Layout, Margin, Pos2, Rect,
    Response, RichText, Role, ScrollArea, Sense, Stroke, StrokeKind, TextEdit, TextStyle,
    TextWrapMode, Ui, UiBuilder, Vec2, WidgetInfo, WidgetText, vec2,
};

/// The room around what has the focus, for the ring that shows it, in points.
const RING: f32 = 4.0;

/// In points.
const NARROWEST_BUTTON: f32 = 96.0;

/// From line to line of a paragraph, in points.
const LINE: f32 = 21.0;

/// By how much a key scrolls, in points: some lines less than are seen.
const PAGE: f32 = HIGHEST_BODY - 4.0 * LINE;

/// What a dialog has to say, above its buttons; scrolled where it is long.
pub(super) fn body<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.set_width(WIDTH);
    let margin = MARGIN - RING;
    let frame = Frame::new().inner_margin(Margin::same(margin as i8));
    let inside = frame.show(ui, |ui| {
        ui.set_width(WIDTH - 2.0 * margin);
        let scrolled = ScrollArea::vertical()
            .max_height(HIGHEST_BODY)
            .content_margin(RING);
        scrolled
            .show(ui, |ui| {
                scroll_by_key(ui);
                content(ui)
            })
            .inner
    });
    inside.inner
}

/// egui gives the wheel to what is scrolled, and the arrows to the focus; for the pages there is no key.
fn scroll_by_key(ui: &Ui) {
    let pages = ui.input(|input| {
        let pressed = |key| i32::from(input.key_pressed(key));
        pressed(Key::PageUp) - pressed(Key::PageDown)
    });
    if pages != 0 {
        ui.scroll_with_delta(vec2(0.0, pages as f32 * PAGE));
    }
}

/// The band of the buttons, which stand at its right, with a remark at its left.
pub(super) fn footer<const N: usize>(
    ui: &mut Ui,
    remark: Option<&str>,
    choices: [Choice<'_>; N],
) -> [Response; N] {
    let frame = Frame::new()
        .fill(Palette::of(ui.visuals()).footer)
        .inner_margin(Margin::symmetric(MARGIN as i8, 16));
    let row = frame.show(ui, |ui| {
        let size = vec2(WIDTH - 2.0 * MARGIN, CONTROL_HEIGHT);
        let row = Layout::left_to_right(Align::Center);
        let row = ui.allocate_ui_with_layout(size, row, |ui| {
            ui.set_width(size.x);
            let gaps = ui.spacing().item_spacing.x * (N - 1) as f32;
            let widths: f32 = choices.iter().map(|choice| choice.width(ui)).sum();
            ui.add_space(size.x - widths - gaps);
            choices.map(|choice| choice.show(ui))
        });
        if let Some(remark) = remark {
            // After the buttons: they are known by their order, and must stay what they are, above
            // all the one that has the focus, when a remark comes or goes.
            let left = row.response.rect.with_max_x(row.inner[0].rect.min.x);
            let place = UiBuilder::new()
                .max_rect(left)
                .layout(Layout::left_to_right(Align::Center));
            ui.scope_builder(place, |ui| small_print(ui, remark));
        }
        row.inner
    });
    row.inner
}

/// What the dialog is about, above everything.
pub(super) fn title(ui: &mut Ui, text: &str) {
    let color = Palette::of(ui.visuals()).text;
    ui.label(RichText::new(text).heading().color(color));
}

/// A paragraph.
pub(super) fn paragraph(ui: &mut Ui, text: &str) -> Response {
    ui.label(RichText::new(text).line_height(Some(LINE)))
}

/// A paragraph that need not be read.
pub(super) fn small_print(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).small().weak());
}

/// What a field or a value is, above it.
pub(super) fn caption(ui: &mut Ui, text: &str) -> Response {
    let label = ui.label(RichText::new(text).small().weak());
    ui.add_space(4.0);
    label
}

/// A value under its caption, which can be selected and copied.
pub(super) fn value(ui: &mut Ui, name: &str, text: &str) {
    let label = caption(ui, name);
    let mut text = text;
    let shown = TextEdit::multiline(&mut text)
        .id(Id::unique(("value", name)))
        .font(TextStyle::Monospace)
        .desired_rows(1)
        .align(Align2::LEFT_CENTER)
        .desired_width(f32::INFINITY)
        .return_key(None)
        .show(ui);
    ring(ui, &shown.response);
    shown.response.response.labelled_by(label.id);
}

/// What went wrong the last time.
pub(super) fn note(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui.visuals());
    card(ui, palette.error_background, |ui| {
        ui.label(RichText::new(text).color(palette.error));
    });
}

/// Words of others, which must not pass for ours.
pub(super) fn quote(ui: &mut Ui, paragraphs: &[String]) {
    let palette = Palette::of(ui.visuals());
    card(ui, palette.quote, |ui| {
        for text in paragraphs {
            paragraph(ui, text);
        }
    });
}

fn card(ui: &mut Ui, fill: Color32, content: impl FnOnce(&mut Ui)) {
    let frame = Frame::new()
        .fill(fill)
        .corner_radius(6)
        .inner_margin(Margin::symmetric(12, 10));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        content(ui);
    });
}

/// A button of the footer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'t> {
    /// What it says.
    pub(super) text: &'t str,
    /// It is what the dialog is for.
    pub(super) main: bool,
    /// It can be pressed.
    pub(super) enabled: bool,
}

impl Choice<'_> {
    fn width(&self, ui: &Ui) -> f32 {
        let text = WidgetText::from(self.text);
        let galley = text.into_galley(
            ui,
            Some(TextWrapMode::Extend),
            f32::INFINITY,
            TextStyle::Button,
        );
        let wide = galley.size().x + 2.0 * ui.spacing().button_padding.x;
        wide.ceil().max(NARROWEST_BUTTON)
    }

    fn show(self, ui: &mut Ui) -> Response {
        let palette = Palette::of(ui.visuals());
        let button = if self.main && self.enabled {
            Button::new(RichText::new(self.text).color(palette.on_accent))
                .fill(palette.accent)
                .stroke(Stroke::NONE)
        } else {
            Button::new(self.text)
        };
        let size = vec2(self.width(ui), CONTROL_HEIGHT);
        let response = ui.add_enabled(self.enabled, button.min_size(size));
        ring(ui, &response);
        response
    }
}

/// A box to tick, with its words, over as many lines as they need.
pub(super) fn tick(ui: &mut Ui, ticked: &mut bool, text: &str) -> Response {
    let response = ui.checkbox(ticked, text);
    ring(ui, &response);
    response
}

/// A toggle that shows what is typed: an eye, struck through while it does not.
pub(super) fn reveal(ui: &mut Ui, revealed: &mut bool, text: &str) -> Response {
    let size = Vec2::splat(CONTROL_HEIGHT);
    let (rect, mut response) = ui.allocate_exact_size(size, Sense::click());
    if response.clicked() {
        *revealed = !*revealed;
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), *revealed, text));
    let look = ui.style().interact(&response);
    let painter = ui.painter();
    let inside = rect.shrink(0.5);
    painter.rect(
        inside,
        look.corner_radius,
        look.weak_bg_fill,
        look.bg_stroke,
        StrokeKind::Inside,
    );
    paint_eye(ui, rect.center(), *revealed);
    ring(ui, &response);
    response.on_hover_text(text)
}

fn paint_eye(ui: &Ui, centre: Pos2, open: bool) {
    let palette = Palette::of(ui.visuals());
    let stroke = Stroke::new(1.5, palette.text);
    let painter = ui.painter();
    // Two arcs that meet in the corners of the eye.
    let lid = |side: f32| {
        let point = |step: u8| {
            let along = f32::from(step) / 8.0 - 1.0;
            let high = 5.0 * (1.0 - along * along);
            centre + vec2(along * 8.5, side * high)
        };
        (0..=16).map(point).collect()
    };
    painter.line(lid(-1.0), stroke);
    painter.line(lid(1.0), stroke);
    painter.circle_stroke(centre, 2.3, stroke);
    if !open {
        let (from, to) = (centre + vec2(-6.5, 6.5), centre + vec2(6.5, -6.5));
        // A gap beside the stroke, so that it reads as one.
        let gap = vec2(1.2, 1.2);
        painter.line_segment([from + gap, to + gap], Stroke::new(2.0, palette.background));
        painter.line_segment([from, to], stroke);
    }
}

/// Shows where the keyboard is.
pub(super) fn ring(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let color = Palette::of(ui.visuals()).accent;
        let around: Rect = response.rect.expand(3.0);
        ui.painter().rect_stroke(
            around,
            CornerRadius::same(8),
            Stroke::new(2.0, color),
            StrokeKind::Inside,
        );
    }
}
