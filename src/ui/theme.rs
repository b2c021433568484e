//! How the dialogs look: the system's light or dark, few colours, room around everything.

use crate::platform::{self, Appearance};
use egui::style::{Selection, WidgetVisuals, Widgets};
use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Stroke, Style, TextStyle, Theme,
    ThemePreference, Vec2, Visuals, vec2,
};

/// The width of every dialog's inside, in points.
pub(super) const WIDTH: f32 = 500.0;

/// What lies above the buttons is scrolled when it is higher than this, in points.
pub(super) const HIGHEST_BODY: f32 = 560.0;

/// The space around the body, in points.
pub(super) const MARGIN: f32 = 24.0;

/// The height of a button and of a field, in points.
pub(super) const CONTROL_HEIGHT: f32 = 34.0;

const RADIUS: CornerRadius = CornerRadius::same(6);

/// The colours that egui's own style has no place for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    /// Behind the body.
    pub(super) background: Color32,
    /// Behind the buttons.
    pub(super) footer: Color32,
    /// Behind a text that is quoted rather than said.
    pub(super) quote: Color32,
    /// Around fields and buttons.
    pub(super) outline: Color32,
    /// What is read first.
    pub(super) text: Color32,
    /// What is read if need be.
    pub(super) weak: Color32,
    /// The button that goes on, and what has the focus.
    pub(super) accent: Color32,
    /// On the accent.
    pub(super) on_accent: Color32,
    /// What went wrong.
    pub(super) error: Color32,
    /// Behind what went wrong.
    pub(super) error_background: Color32,
}

const LIGHT: Palette = Palette {
    background: Color32::from_rgb(0xfc, 0xfc, 0xfd),
    footer: Color32::from_rgb(0xf1, 0xf3, 0xf6),
    quote: Color32::from_rgb(0xf1, 0xf3, 0xf6),
    outline: Color32::from_rgb(0xc4, 0xcb, 0xd4),
    text: Color32::from_rgb(0x1a, 0x1f, 0x26),
    weak: Color32::from_rgb(0x5a, 0x64, 0x70),
    accent: Color32::from_rgb(0x13, 0x68, 0xb3),
    on_accent: Color32::WHITE,
    error: Color32::from_rgb(0xa8, 0x1f, 0x1f),
    error_background: Color32::from_rgb(0xfd, 0xec, 0xec),
};

const DARK: Palette = Palette {
    background: Color32::from_rgb(0x20, 0x23, 0x28),
    footer: Color32::from_rgb(0x19, 0x1c, 0x20),
    quote: Color32::from_rgb(0x19, 0x1c, 0x20),
    outline: Color32::from_rgb(0x48, 0x50, 0x5b),
    text: Color32::from_rgb(0xec, 0xee, 0xf1),
    weak: Color32::from_rgb(0xa3, 0xad, 0xb9),
    accent: Color32::from_rgb(0x6c, 0xb6, 0xf5),
    on_accent: Color32::from_rgb(0x0b, 0x1d, 0x2e),
    error: Color32::from_rgb(0xff, 0xa3, 0x9e),
    error_background: Color32::from_rgb(0x3d, 0x24, 0x26),
};

impl Palette {
    /// The colours of the theme in use.
    pub(super) fn of(visuals: &Visuals) -> Self {
        if visuals.dark_mode { DARK } else { LIGHT }
    }
}

/// The system's theme, where it is not the window that tells.
pub(super) fn of_system() -> Option<Theme> {
    platform::appearance().map(|appearance| match appearance {
        Appearance::Light => Theme::Light,
        Appearance::Dark => Theme::Dark,
    })
}

/// An egui context of our looks, in `theme` or else in the system's.
pub(super) fn context(theme: Option<Theme>) -> Context {
    let context = Context::default();
    context.options_mut(|options| {
        options.fallback_theme = Theme::Light;
        // What is zoomed by Ctrl and + no longer fits its window.
        options.zoom_with_keyboard = false;
    });
    context.set_theme(theme.map_or(ThemePreference::System, ThemePreference::from));
    for (theme, palette) in [(Theme::Light, LIGHT), (Theme::Dark, DARK)] {
        context.style_mut_of(theme, |style| dress(style, palette));
    }
    context
}

fn dress(style: &mut Style, palette: Palette) {
    let proportional = |size| FontId::new(size, FontFamily::Proportional);
    style.text_styles = [
        (TextStyle::Heading, proportional(21.0)),
        (TextStyle::Body, proportional(15.0)),
        (TextStyle::Button, proportional(15.0)),
        (TextStyle::Small, proportional(13.0)),
        (
            TextStyle::Monospace,
            FontId::new(13.5, FontFamily::Monospace),
        ),
    ]
    .into();
    // Calm: what changes, changes at once.
    style.animation_time = 0.0;
    // What a reader may want to copy says so itself.
    style.interaction.selectable_labels = false;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(10.0, 8.0);
    spacing.button_padding = vec2(12.0, 7.0);
    spacing.interact_size = Vec2::splat(CONTROL_HEIGHT);
    spacing.icon_width = 18.0;
    spacing.icon_width_inner = 10.0;
    spacing.icon_spacing = 10.0;
    paint(&mut style.visuals, palette);
}

fn paint(visuals: &mut Visuals, palette: Palette) {
    let plain = WidgetVisuals {
        bg_fill: palette.background,
        weak_bg_fill: palette.background,
        bg_stroke: Stroke::new(1.0, palette.outline),
        corner_radius: RADIUS,
        fg_stroke: Stroke::new(1.0, palette.text),
        expansion: 0.0,
    };
    visuals.widgets = Widgets {
        noninteractive: plain,
        inactive: plain,
        hovered: WidgetVisuals {
            bg_stroke: Stroke::new(1.0, palette.weak),
            ..plain
        },
        active: WidgetVisuals {
            bg_stroke: Stroke::new(1.0, palette.accent),
            ..plain
        },
        open: plain,
    };
    visuals.selection = Selection {
        bg_fill: palette.accent.gamma_multiply(0.35),
        stroke: Stroke::new(1.0, palette.accent),
    };
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(palette.weak);
    visuals.panel_fill = palette.background;
    visuals.window_fill = palette.background;
    visuals.extreme_bg_color = palette.background;
    visuals.text_edit_bg_color = Some(palette.background);
    visuals.error_fg_color = palette.error;
    visuals.text_cursor.stroke = Stroke::new(1.5, palette.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours as WCAG 2.2 counts it, 1 to 21.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |color: Color32| {
            let [red, green, blue, _] = egui::Rgba::from(color).to_array();
            0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        };
        let (a, b) = (luminance(a), luminance(b));
        (a / b).max(b / a)
    }

    #[test]
    fn text_can_be_read_in_both_themes() {
        for palette in [LIGHT, DARK] {
            let pairs = [
                (palette.text, palette.background),
                (palette.text, palette.quote),
                (palette.text, palette.footer),
                (palette.weak, palette.background),
                (palette.weak, palette.quote),
                (palette.weak, palette.footer),
                (palette.on_accent, palette.accent),
                (palette.error, palette.error_background),
            ];
            for (text, behind) in pairs {
                let contrast = contrast(text, behind);
                assert!(contrast >= 4.5, "{text:?} on {behind:?}: {contrast}");
            }
            // What has the focus is seen without reading: a ratio of 3 is asked for.
            assert!(contrast(palette.accent, palette.background) >= 3.0);
            assert!(contrast(palette.accent, palette.footer) >= 3.0);
        }
    }

    #[test]
    fn the_theme_is_the_one_that_is_asked_for() {
        let light = context(Some(Theme::Light));
        assert_eq!(light.theme(), Theme::Light);
        assert_eq!(context(Some(Theme::Dark)).theme(), Theme::Dark);
        // A system that has no opinion.
        assert_eq!(context(None).theme(), Theme::Light);
    }
}
