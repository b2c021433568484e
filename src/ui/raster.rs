//! Paints egui's triangles on the CPU: no graphics driver is loaded for a dialog, it looks the same
//! over remote desktop, and tests see the very pixels that a user sees.
//!
//! Colours blend in gamma space and premultiplied, as egui means them. Corners have 8 bits below the
//! pixel, and the top-left rule gives each pixel on a shared edge to one triangle only.

use egui::epaint::{ClippedPrimitive, ImageData, Primitive, Vertex};
use egui::{Color32, Mesh, Pos2, Rect, TextureId, TexturesDelta};
use std::collections::HashMap;

/// Parts of a pixel that a corner is rounded to.
const UNIT: i64 = 256;

/// What is painted on: rows of `0x00RRGGBB`, always opaque, as softbuffer has them.
#[derive(Debug)]
pub(super) struct Canvas<'p> {
    width: usize,
    height: usize,
    pixels: &'p mut [u32],
}

impl<'p> Canvas<'p> {
    /// `None` unless there are exactly `width * height` pixels.
    pub(super) fn new(width: usize, height: usize, pixels: &'p mut [u32]) -> Option<Self> {
        (pixels.len() == width * height).then_some(Self {
            width,
            height,
            pixels,
        })
    }

    /// Makes all of it this colour.
    pub(super) fn fill(&mut self, color: Color32) {
        let [red, green, blue, _] = color.to_array().map(u32::from);
        self.pixels.fill(red << 16 | green << 8 | blue);
    }
}

/// The painter: it keeps egui's textures.
#[derive(Debug, Default)]
pub(super) struct Raster {
    textures: HashMap<TextureId, Texture>,
}

impl Raster {
    /// Takes over what is new in egui's textures, of which the fonts are one.
    pub(super) fn update(&mut self, mut delta: TexturesDelta) {
        for (id, changes) in delta.set.drain() {
            for change in changes {
                let ImageData::Color(image) = &change.image;
                let [width, height] = image.size;
                let part = Texture {
                    width,
                    height,
                    pixels: image.pixels.clone(),
                };
                match (change.pos, self.textures.get_mut(&id)) {
                    (Some(place), Some(whole)) => whole.overwrite(place, &part),
                    (None | Some(_), _) => {
                        self.textures.insert(id, part);
                    }
                }
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    /// Paints what egui tessellated for this many pixels to a point.
    pub(super) fn paint(
        &self,
        primitives: &[ClippedPrimitive],
        pixels_per_point: f32,
        canvas: &mut Canvas<'_>,
    ) {
        for clipped in primitives {
            let clip = Pixels::of(clipped.clip_rect, pixels_per_point, canvas);
            match &clipped.primitive {
                Primitive::Mesh(mesh) => self.paint_mesh(mesh, pixels_per_point, clip, canvas),
                // We give egui none.
                Primitive::Callback(_) => {}
            }
        }
    }

    fn paint_mesh(&self, mesh: &Mesh, scale: f32, clip: Pixels, canvas: &mut Canvas<'_>) {
        let Some(texture) = self.textures.get(&mesh.texture_id) else {
            return;
        };
        for corners in mesh.indices.chunks_exact(3) {
            let corner = |n: usize| mesh.vertices.get(*corners.get(n)? as usize);
            if let (Some(a), Some(b), Some(c)) = (corner(0), corner(1), corner(2))
                && let Some(triangle) = Triangle::new([a, b, c], scale)
            {
                triangle.paint(texture, clip, canvas);
            }
        }
    }
}

#[derive(Debug)]
struct Texture {
    width: usize,
    height: usize,
    pixels: Vec<Color32>,
}

impl Texture {
    fn overwrite(&mut self, [left, top]: [usize; 2], part: &Self) {
        for (row, pixels) in part.pixels.chunks_exact(part.width.max(1)).enumerate() {
            let start = (top + row) * self.width + left;
            if let Some(place) = self.pixels.get_mut(start..start + part.width) {
                place.copy_from_slice(pixels);
            }
        }
    }

    /// The colour at a place between 0 and 1 each way, from the four pixels around it.
    fn sample(&self, at: Pos2) -> [f32; 4] {
        let (x, y) = (
            at.x * self.width as f32 - 0.5,
            at.y * self.height as f32 - 0.5,
        );
        let (left, top) = (x.floor(), y.floor());
        let (right_part, lower_part) = (x - left, y - top);
        // Text mostly lies pixel on pixel.
        if right_part < 0.004 && lower_part < 0.004 {
            return self.texel(left, top);
        }
        let upper = mix(
            self.texel(left, top),
            self.texel(left + 1.0, top),
            right_part,
        );
        let lower = mix(
            self.texel(left, top + 1.0),
            self.texel(left + 1.0, top + 1.0),
            right_part,
        );
        mix(upper, lower, lower_part)
    }

    fn texel(&self, x: f32, y: f32) -> [f32; 4] {
        // A cast to an unsigned number takes what is below 0 as 0.
        let x = (x as usize).min(self.width.saturating_sub(1));
        let y = (y as usize).min(self.height.saturating_sub(1));
        let pixel = self.pixels.get(y * self.width + x);
        channels(pixel.copied().unwrap_or_default())
    }
}

fn channels(color: Color32) -> [f32; 4] {
    color.to_array().map(f32::from)
}

fn mix(a: [f32; 4], b: [f32; 4], part_of_b: f32) -> [f32; 4] {
    std::array::from_fn(|i| a[i] * (1.0 - part_of_b) + b[i] * part_of_b)
}

/// A rectangle of whole pixels, the far sides not included.
#[derive(Debug, Clone, Copy)]
struct Pixels {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl Pixels {
    fn of(rect: Rect, scale: f32, canvas: &Canvas<'_>) -> Self {
        let within =
            |value: f32, most: usize| ((value * scale).round() as i64).clamp(0, most as i64);
        Self {
            left: within(rect.min.x, canvas.width),
            top: within(rect.min.y, canvas.height),
            right: within(rect.max.x, canvas.width),
            bottom: within(rect.max.y, canvas.height),
        }
    }

    fn intersect(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }
}

/// A place in [`UNIT`]s.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: i64,
    y: i64,
}

impl Point {
    fn of(vertex: &Vertex, scale: f32) -> Self {
        let units = |value: f32| (value * scale * UNIT as f32).round() as i64;
        Self {
            x: units(vertex.pos.x),
            y: units(vertex.pos.y),
        }
    }

    fn centre_of(x: i64, y: i64) -> Self {
        Self {
            x: x * UNIT + UNIT / 2,
            y: y * UNIT + UNIT / 2,
        }
    }
}

/// Twice the area of the triangle; positive when its corners go round clockwise on the screen.
fn area(a: Point, b: Point, c: Point) -> i64 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// An edge as a value that is not negative on the triangle's side of it, followed pixel by pixel.
#[derive(Debug, Clone, Copy)]
struct Edge {
    value: i64,
    step_right: i64,
    step_down: i64,
}

impl Edge {
    fn new(from: Point, to: Point, start: Point) -> Self {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let is_top_left = dy < 0 || (dy == 0 && dx > 0);
        Self {
            value: area(from, to, start) - i64::from(!is_top_left),
            step_right: -dy * UNIT,
            step_down: dx * UNIT,
        }
    }
}

struct Triangle<'m> {
    vertices: [&'m Vertex; 3],
    points: [Point; 3],
    area: i64,
}

impl<'m> Triangle<'m> {
    /// `None` when it has no area. egui winds either way: it is turned clockwise.
    fn new([a, b, c]: [&'m Vertex; 3], scale: f32) -> Option<Self> {
        let points = [a, b, c].map(|vertex| Point::of(vertex, scale));
        let [p, q, r] = points;
        match area(p, q, r) {
            0 => None,
            area if area > 0 => Some(Self {
                vertices: [a, b, c],
                points,
                area,
            }),
            area => Some(Self {
                vertices: [a, c, b],
                points: [p, r, q],
                area: -area,
            }),
        }
    }

    fn bounds(&self) -> Pixels {
        let [a, b, c] = self.points;
        Pixels {
            left: a.x.min(b.x).min(c.x) / UNIT - 1,
            top: a.y.min(b.y).min(c.y) / UNIT - 1,
            right: a.x.max(b.x).max(c.x) / UNIT + 1,
            bottom: a.y.max(b.y).max(c.y) / UNIT + 1,
        }
    }

    fn paint(&self, texture: &Texture, clip: Pixels, canvas: &mut Canvas<'_>) {
        let bounds = self.bounds().intersect(clip);
        if bounds.left >= bounds.right || bounds.top >= bounds.bottom {
            return;
        }
        let shade = Shade::new(self.vertices, texture);
        let [a, b, c] = self.points;
        let start = Point::centre_of(bounds.left, bounds.top);
        // Each corner weighs as much as the edge opposite to it is far.
        let mut row = [(b, c), (c, a), (a, b)].map(|(from, to)| Edge::new(from, to, start));
        let whole = 1.0 / self.area as f32;
        for y in bounds.top..bounds.bottom {
            let mut edges = row;
            let first = y as usize * canvas.width + bounds.left as usize;
            let width = (bounds.right - bounds.left) as usize;
            let pixels = canvas.pixels.get_mut(first..first + width);
            for pixel in pixels.unwrap_or_default() {
                if edges.iter().all(|edge| edge.value >= 0) {
                    let color = match &shade {
                        Shade::Even(color) => *color,
                        Shade::Varying { .. } => {
                            shade.at(edges.map(|edge| edge.value as f32 * whole))
                        }
                    };
                    *pixel = over(*pixel, color);
                }
                for edge in &mut edges {
                    edge.value += edge.step_right;
                }
            }
            for edge in &mut row {
                edge.value += edge.step_down;
            }
        }
    }
}

/// How a triangle gets its colours: premultiplied red, green, blue and alpha, 0 to 255.
enum Shade<'t> {
    /// All of it has one.
    Even([u32; 4]),
    /// They change from corner to corner.
    Varying {
        vertices: [&'t Vertex; 3],
        texture: &'t Texture,
    },
}

impl<'t> Shade<'t> {
    fn new(vertices: [&'t Vertex; 3], texture: &'t Texture) -> Self {
        let [a, b, c] = vertices;
        let alike = |other: &Vertex| other.color == a.color && other.uv == a.uv;
        if alike(b) && alike(c) {
            Self::Even(tint(channels(a.color), texture.sample(a.uv)))
        } else {
            Self::Varying { vertices, texture }
        }
    }

    /// The colour where the corners weigh this much.
    fn at(&self, weights: [f32; 3]) -> [u32; 4] {
        match self {
            Self::Even(color) => *color,
            Self::Varying { vertices, texture } => {
                let mut place = Pos2::ZERO;
                let mut color = [0.0; 4];
                for (vertex, weight) in vertices.iter().zip(weights) {
                    place += vertex.uv.to_vec2() * weight;
                    let part = channels(vertex.color);
                    color = std::array::from_fn(|i| color[i] + part[i] * weight);
                }
                tint(color, texture.sample(place))
            }
        }
    }
}

fn tint(color: [f32; 4], texel: [f32; 4]) -> [u32; 4] {
    std::array::from_fn(|i| ((color[i] * texel[i] / 255.0 + 0.5) as u32).min(255))
}

fn over(below: u32, [red, green, blue, alpha]: [u32; 4]) -> u32 {
    let through = 255 - alpha;
    let blend = |shift: u32, added: u32| {
        let below = below >> shift & 0xff;
        (added + (below * through + 127) / 255).min(255) << shift
    };
    blend(16, red) | blend(8, green) | blend(0, blue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::epaint::{ColorImage, ImageDelta, WHITE_UV};
    use egui::{TextureOptions, pos2};

    const WHITE: u32 = 0x00ff_ffff;

    /// A white texture of 2 × 2 pixels, of which the right column is transparent.
    fn raster() -> Raster {
        let mut delta = TexturesDelta::default();
        let clear = Color32::TRANSPARENT;
        let pixels = vec![Color32::WHITE, clear, Color32::WHITE, clear];
        let image = ColorImage::new([2, 2], pixels);
        delta.push(
            TextureId::default(),
            ImageDelta::full(image, TextureOptions::LINEAR),
        );
        let mut raster = Raster::default();
        raster.update(delta);
        raster
    }

    /// What these triangles make of a black square of 8 × 8 pixels.
    fn painted(triangles: &[[Pos2; 3]], color: Color32, clip: Rect) -> Vec<u32> {
        let mut mesh = Mesh::default();
        for corner in triangles.iter().flatten() {
            mesh.indices.push(mesh.vertices.len() as u32);
            mesh.vertices.push(Vertex {
                pos: *corner,
                uv: WHITE_UV,
                color,
            });
        }
        let primitives = [ClippedPrimitive {
            clip_rect: clip,
            primitive: Primitive::Mesh(mesh),
        }];
        let mut pixels = vec![0; 64];
        let mut canvas = Canvas::new(8, 8, &mut pixels).unwrap();
        raster().paint(&primitives, 1.0, &mut canvas);
        pixels
    }

    fn square(left: f32, top: f32, right: f32, bottom: f32) -> [[Pos2; 3]; 2] {
        let corner = |x, y| pos2(x, y);
        [
            [corner(left, top), corner(right, top), corner(right, bottom)],
            [
                corner(left, top),
                corner(left, bottom),
                corner(right, bottom),
            ],
        ]
    }

    #[test]
    fn a_square_covers_its_pixels_and_no_others() {
        let pixels = painted(
            &square(2.0, 1.0, 6.0, 7.0),
            Color32::WHITE,
            Rect::EVERYTHING,
        );
        for (at, pixel) in pixels.iter().enumerate() {
            let inside = (2..6).contains(&(at % 8)) && (1..7).contains(&(at / 8));
            assert_eq!(*pixel, if inside { WHITE } else { 0 }, "{at}");
        }
    }

    #[test]
    fn a_shared_edge_is_painted_once() {
        let half = Color32::from_rgba_premultiplied(100, 100, 100, 128);
        for shift in [0.0, 0.25, 0.5, 0.9] {
            let corners = square(1.0 + shift, 1.0, 7.0, 6.0 + shift);
            let pixels = painted(&corners, half, Rect::EVERYTHING);
            let shades: std::collections::BTreeSet<_> = pixels.into_iter().collect();
            assert_eq!(shades, [0, 0x0064_6464].into(), "{shift}");
        }
    }

    #[test]
    fn nothing_is_painted_outside_of_the_clip_or_the_canvas() {
        let everywhere = square(-50.0, -50.0, 50.0, 50.0);
        let clip = Rect::from_min_max(pos2(0.0, 0.0), pos2(3.0, 2.0));
        let pixels = painted(&everywhere, Color32::WHITE, clip);
        assert_eq!(pixels.iter().filter(|pixel| **pixel == WHITE).count(), 6);
        let all = painted(&everywhere, Color32::WHITE, Rect::EVERYTHING);
        assert!(all.iter().all(|pixel| *pixel == WHITE));
        let beside = painted(
            &square(9.0, 9.0, 20.0, 20.0),
            Color32::WHITE,
            Rect::EVERYTHING,
        );
        assert!(beside.iter().all(|pixel| *pixel == 0));
    }

    #[test]
    fn colours_blend_premultiplied() {
        assert_eq!(over(0x0000_0000, [255, 0, 0, 255]), 0x00ff_0000);
        assert_eq!(over(0x00ff_ffff, [0, 0, 0, 0]), 0x00ff_ffff);
        assert_eq!(over(0x00ff_ffff, [0, 0, 0, 128]), 0x007f_7f7f);
        // Light without cover adds, and never wraps round.
        assert_eq!(over(0x00f0_1020, [100, 100, 100, 0]), 0x00ff_7484);
    }

    #[test]
    fn a_texture_is_sampled_between_its_pixels() {
        let raster = raster();
        let texture = &raster.textures[&TextureId::default()];
        assert_eq!(texture.sample(pos2(0.25, 0.5)), [255.0; 4]);
        assert_eq!(texture.sample(pos2(0.75, 0.5)), [0.0; 4]);
        assert_eq!(texture.sample(pos2(0.5, 0.5)), [127.5; 4]);
        assert_eq!(texture.sample(pos2(-3.0, 7.0)), [255.0; 4]);
    }

    #[test]
    fn a_part_of_a_texture_is_replaced_in_place() {
        let mut raster = raster();
        let mut delta = TexturesDelta::default();
        let part = ColorImage::new([1, 1], vec![Color32::RED]);
        let change = ImageDelta::partial([1, 1], part, TextureOptions::LINEAR);
        delta.push(TextureId::default(), change);
        raster.update(delta);
        let texture = &raster.textures[&TextureId::default()];
        assert_eq!(texture.pixels[3], Color32::RED);
        assert_eq!(texture.pixels[1], Color32::TRANSPARENT);
        let mut delta = TexturesDelta::default();
        delta.free(TextureId::default());
        raster.update(delta);
        assert!(raster.textures.is_empty());
    }

    #[test]
    fn a_canvas_has_as_many_pixels_as_it_says() {
        assert!(Canvas::new(8, 8, &mut [0; 63]).is_none());
        let mut pixels = [0; 4];
        Canvas::new(2, 2, &mut pixels)
            .unwrap()
            .fill(Color32::from_rgb(1, 2, 3));
        assert_eq!(pixels, [0x0001_0203; 4]);
    }
}
