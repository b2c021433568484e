//! A dialog without a display, for tests: events go in; pixels, texts and what a screen reader gets
//! come out.
//!
//! `PASSERELLE_PICTURES=1` writes what was painted to `target/dialogs/`, to be looked at.

use super::raster::{Canvas, Raster};
use super::theme;
use egui::accesskit;
use egui::epaint::{ClippedShape, Shape, TextShape};
use egui::{Context, Event, FullOutput, Key, Modifiers, Pos2, RawInput, Rect, Theme, Ui, Vec2};
use std::fmt::Write as _;
use std::path::Path;

/// More than any dialog is high, in points.
const ROOM: f32 = 900.0;

pub(super) struct Stage {
    pub(super) context: Context,
    raster: Raster,
    time: f64,
    scale: f32,
    shapes: Vec<ClippedShape>,
    size: Vec2,
    tree: Vec<(accesskit::NodeId, accesskit::Node)>,
    focus: Option<accesskit::NodeId>,
}

impl Stage {
    pub(super) fn new(theme: Theme, scale: f32) -> Self {
        let context = theme::context(Some(theme));
        context.enable_accesskit();
        Self {
            context,
            raster: Raster::default(),
            time: 0.0,
            scale,
            shapes: Vec::new(),
            size: Vec2::ZERO,
            tree: Vec::new(),
            focus: None,
        }
    }

    /// Seconds since the dialog came up.
    pub(super) fn time(&self) -> f64 {
        self.time
    }

    /// One frame, half a second after the last one.
    pub(super) fn frame<R>(&mut self, events: Vec<Event>, mut view: impl FnMut(&mut Ui) -> R) -> R {
        let mut input = RawInput {
            events,
            time: Some(self.time),
            focused: true,
            screen_rect: Some(Rect::from_min_size(
                Pos2::ZERO,
                Vec2::new(theme::WIDTH, ROOM),
            )),
            ..RawInput::default()
        };
        let viewport = input.viewports.entry(input.viewport_id).or_default();
        viewport.native_pixels_per_point = Some(self.scale);
        self.time += 0.5;
        let mut result = None;
        let output = self.context.clone().run_ui(input, |ui| {
            result = Some(view(ui));
            self.size = ui.min_rect().size();
        });
        self.take(output);
        result.expect("egui calls the view")
    }

    fn take(&mut self, output: FullOutput) {
        self.raster.update(output.textures_delta);
        self.shapes = output.shapes;
        if let Some(update) = output.platform_output.accesskit_update {
            self.focus = Some(update.focus);
            self.tree = update.nodes;
        }
    }

    /// The size of what was drawn, in points.
    pub(super) fn size(&self) -> Vec2 {
        self.size
    }

    /// The texts that were drawn, and where, in points: the whole text and the part that is seen.
    pub(super) fn texts(&self) -> Vec<(String, Rect, Rect)> {
        let mut texts = Vec::new();
        for clipped in &self.shapes {
            collect(&clipped.shape, &mut |text| {
                if text.galley.text().is_empty() {
                    return;
                }
                let whole = text.visual_bounding_rect();
                let seen = whole.intersect(clipped.clip_rect);
                texts.push((text.galley.text().to_owned(), whole, seen));
            });
        }
        texts
    }

    /// Fails where a text is cut, or leaves the dialog, or has a character that no font of ours has.
    #[track_caller]
    pub(super) fn check_texts(&self) {
        let texts = self.texts();
        assert!(texts.len() > 3, "only {texts:?}");
        let dialog = Rect::from_min_size(Pos2::ZERO, self.size);
        let font = egui::FontId::proportional(15.0);
        for (text, whole, seen) in texts {
            assert!(
                seen.expand(1.0).contains_rect(whole),
                "cut: {text} {whole:?} {seen:?}"
            );
            assert!(dialog.contains_rect(whole), "outside: {text}");
            let has = |c| self.context.fonts_mut(|fonts| fonts.has_glyph(&font, c));
            let lacking: String = text.chars().filter(|c| *c != '\n' && !has(*c)).collect();
            assert!(lacking.is_empty(), "no font has {lacking:?}: {text}");
        }
    }

    /// Fails where two texts lie on each other.
    #[track_caller]
    pub(super) fn check_distances(&self) {
        let texts = self.texts();
        for (number, (text, place, _)) in texts.iter().enumerate() {
            for (other, elsewhere, _) in &texts[number + 1..] {
                let shared = place.intersect(*elsewhere);
                let apart = shared.width() <= 1.0 || shared.height() <= 1.0;
                assert!(apart, "{text:?} and {other:?}");
            }
        }
    }

    /// Everything that a screen reader can get to know.
    pub(super) fn read_aloud(&self) -> String {
        let mut all = String::new();
        for (_, node) in &self.tree {
            writeln!(all, "{node:?}").expect("a string takes all");
        }
        assert!(!all.is_empty());
        all
    }

    /// The role and the name of what has the focus.
    pub(super) fn focused(&self) -> Option<(accesskit::Role, String)> {
        let named = |id| {
            let (_, node) = self.tree.iter().find(|(known, _)| *known == id)?;
            let own = node.label().map(str::to_owned);
            let labelled = || {
                let label = node.labelled_by().first()?;
                let (_, node) = self.tree.iter().find(|(known, _)| known == label)?;
                node.value().or_else(|| node.label()).map(str::to_owned)
            };
            Some((node.role(), own.or_else(labelled).unwrap_or_default()))
        };
        named(self.focus?)
    }

    /// The picture's rows, `0x00RRGGBB`, and its size.
    pub(super) fn picture(&self) -> (Vec<u32>, usize, usize) {
        let pixels = |points: f32| (points * self.scale).ceil() as usize;
        let (width, height) = (pixels(self.size.x), pixels(self.size.y));
        let mut rows = vec![0; width * height];
        let mut canvas = Canvas::new(width, height, &mut rows).expect("as many pixels");
        canvas.fill(theme::Palette::of(&self.context.global_style().visuals).background);
        let triangles = self.context.tessellate(self.shapes.clone(), self.scale);
        self.raster.paint(&triangles, self.scale, &mut canvas);
        (rows, width, height)
    }

    /// Writes the picture, if pictures are wanted.
    pub(super) fn write(&self, name: &str) {
        if std::env::var_os("PASSERELLE_PICTURES").is_none() {
            return;
        }
        let (rows, width, height) = self.picture();
        let mut file = format!("P6 {width} {height} 255\n").into_bytes();
        for pixel in rows {
            file.extend(&pixel.to_be_bytes()[1..]);
        }
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/dialogs");
        std::fs::create_dir_all(&dir).expect("a directory");
        std::fs::write(dir.join(format!("{name}.ppm")), file).expect("a file");
    }
}

/// A key that is pressed.
pub(super) fn key(key: Key) -> Event {
    key_with(key, Modifiers::NONE)
}

/// A key that is pressed with these.
pub(super) fn key_with(key: Key, modifiers: Modifiers) -> Event {
    Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers,
    }
}

/// A text that is typed.
pub(super) fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn collect(shape: &Shape, found: &mut impl FnMut(&TextShape)) {
    match shape {
        Shape::Text(text) => found(text),
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, found)),
        Shape::Noop
        | Shape::Circle(_)
        | Shape::Ellipse(_)
        | Shape::LineSegment { .. }
        | Shape::Path(_)
        | Shape::Rect(_)
        | Shape::Band(_)
        | Shape::Mesh(_)
        | Shape::QuadraticBezier(_)
        | Shape::CubicBezier(_)
        | Shape::Callback(_) => {}
    }
}
