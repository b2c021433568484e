//! A dialog's window: made when there is something to show, gone with all that it holds when it is
//! closed.
//!
//! It draws when egui asks for it, and never else: what wakes it is an event, or the moment for which
//! egui wants to be woken.

use super::Wake;
use super::clipboard::{self, Clipboard};
use super::icon;
use super::raster::{Canvas, Raster};
use super::theme::{self, Palette, WIDTH};
use egui::epaint::ClippedShape;
use egui::{OutputCommand, Pos2, RawInput, Rect, Ui, Vec2, ViewportId, vec2};
use egui_winit::accesskit_winit;
use softbuffer::{SoftBufferError, Surface};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::{Duration, Instant};
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::error::OsError;
use winit::event::WindowEvent;
#[cfg(target_os = "linux")]
use winit::event::{ElementState, MouseButton};
use winit::event_loop::{ActiveEventLoop, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::window::{Icon, UserAttentionType, Window, WindowAttributes, WindowId};

/// More than any dialog is high, in points: the room in which a dialog is measured.
const ROOM: f32 = 2000.0;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub(super) enum WindowError {
    /// The system makes none.
    #[error("no window: {0}")]
    Window(#[from] OsError),
    /// Nothing can be drawn into it.
    #[error("no surface: {0}")]
    Surface(#[from] SoftBufferError),
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It stays.
    Stays,
    /// The user closes it.
    Closed,
}

/// The window of one dialog.
pub(super) struct DialogWindow {
    surface: Surface<Rc<Window>, Rc<Window>>,
    window: Rc<Window>,
    egui: egui_winit::State,
    raster: Raster,
    /// Its inside as it was asked for, in points.
    size: Vec2,
    /// When egui wants to draw next, though nothing happens.
    redraw_at: Option<Instant>,
    in_front_since: Instant,
    clipboard: Clipboard,
    /// Keys that are held down.
    held: ModifiersState,
}

/// What every dialog's window needs of the program.
#[derive(Clone)]
pub(super) struct DialogHost {
    /// Wakes the event loop for a screen reader.
    pub(super) proxy: EventLoopProxy<Wake>,
    /// What is copied in a dialog outlives it.
    pub(super) clipboard: Clipboard,
}

/// What egui wants painted.
struct Picture {
    shapes: Vec<ClippedShape>,
    pixels_per_point: f32,
}

impl DialogWindow {
    /// Opens it in the middle of the screen, as large as what `view` shows.
    ///
    /// # Errors
    /// When the system gives no window, or nothing can be drawn into it.
    pub(super) fn open(
        event_loop: &ActiveEventLoop,
        host: &DialogHost,
        title: &str,
        view: impl FnMut(&mut Ui),
    ) -> Result<Self, WindowError> {
        let context = theme::context(theme::of_system());
        let mut raster = Raster::default();
        let size = measure(&context, &mut raster, view);
        let attributes = Window::default_attributes()
            .with_title(title)
            .with_inner_size(LogicalSize::new(size.x, size.y))
            .with_resizable(false)
            .with_window_icon(window_icon())
            // A screen reader must hear of it before it is there.
            .with_visible(false);
        let attributes = centred(event_loop, attributes, size);
        let window = Rc::new(event_loop.create_window(attributes)?);
        let display = softbuffer::Context::new(Rc::clone(&window))?;
        let surface = Surface::new(&display, Rc::clone(&window))?;
        let mut egui = egui_winit::State::new(
            context,
            ViewportId::ROOT,
            &window,
            Some(window.scale_factor() as f32),
            window.theme(),
            None,
        );
        egui.init_accesskit(event_loop, &window, host.proxy.clone());
        window.set_visible(true);
        window.focus_window();
        window.request_redraw();
        Ok(Self {
            surface,
            window,
            egui,
            raster,
            size,
            redraw_at: None,
            in_front_since: Instant::now(),
            clipboard: host.clipboard.clone(),
            held: ModifiersState::empty(),
        })
    }

    /// Which window it is.
    pub(super) fn id(&self) -> WindowId {
        self.window.id()
    }

    /// For how long the user has had it in front, in seconds.
    pub(super) fn shown_for(&self) -> f64 {
        self.in_front_since.elapsed().as_secs_f64()
    }

    /// Takes an event of this window; `view` shows the dialog where it is to be drawn.
    pub(super) fn take(&mut self, event: &WindowEvent, view: impl FnMut(&mut Ui)) -> Outcome {
        if *event == WindowEvent::CloseRequested {
            return Outcome::Closed;
        }
        if *event == WindowEvent::RedrawRequested {
            // egui is not told: it would want to draw again for having drawn.
            let picture = self.show(view);
            if let Err(error) = self.paint(picture) {
                tracing::warn!(%error, "a dialog is not drawn");
            }
            return Outcome::Stays;
        }
        if *event == WindowEvent::Focused(true) {
            self.in_front_since = Instant::now();
        }
        if let WindowEvent::ModifiersChanged(modifiers) = event {
            self.held = modifiers.state();
        }
        self.offer_text(event);
        if self.egui.on_window_event(&self.window, event).repaint {
            self.window.request_redraw();
        }
        // It may be a password: egui keeps it no longer than for this event.
        self.egui.set_clipboard_text(String::new());
        if matches!(event, WindowEvent::KeyboardInput { .. }) {
            // A key means what it means where the one before it led, so they are not kept for the
            // next time that something is drawn: egui would take them all at once.
            self.show(view);
        }
        Outcome::Stays
    }

    /// Gives egui what the event may paste.
    fn offer_text(&mut self, event: &WindowEvent) {
        if let WindowEvent::KeyboardInput { event, .. } = event
            && clipboard::may_paste(event, self.held)
            && let Some(text) = self.clipboard.text()
        {
            self.egui.set_clipboard_text(text);
        }
        #[cfg(target_os = "linux")]
        if let WindowEvent::MouseInput { state, button, .. } = event
            && (*state, *button) == (ElementState::Pressed, MouseButton::Middle)
            && let Some(pos) = self.egui.egui_ctx().pointer_latest_pos()
            && let Some(text) = self.clipboard.selection()
        {
            let events = &mut self.egui.egui_input_mut().events;
            events.push(egui::Event::MiddleClickPaste { pos, text });
        }
    }

    /// Takes what a screen reader wants.
    pub(super) fn take_accessibility(&mut self, event: accesskit_winit::WindowEvent) {
        match event {
            accesskit_winit::WindowEvent::InitialTreeRequested => {
                self.egui.egui_ctx().enable_accesskit();
            }
            accesskit_winit::WindowEvent::ActionRequested(request) => {
                self.egui.on_accesskit_action_request(request);
            }
            accesskit_winit::WindowEvent::AccessibilityDeactivated => {
                self.egui.egui_ctx().disable_accesskit();
            }
        }
        self.window.request_redraw();
    }

    /// Brings it to the front, or says that it wants to be there.
    pub(super) fn raise(&self) {
        self.window.set_minimized(false);
        self.window.focus_window();
        self.window
            .request_user_attention(Some(UserAttentionType::Informational));
    }

    /// What it shows has changed.
    pub(super) fn refresh(&self) {
        self.window.request_redraw();
    }

    /// When it wants to be woken.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.redraw_at
    }

    /// The time has passed until `now`.
    pub(super) fn wake(&mut self, now: Instant) {
        if self.redraw_at.is_some_and(|at| at <= now) {
            self.redraw_at = None;
            self.window.request_redraw();
        }
    }

    /// Lets egui take what has come in; returns what is to be painted.
    fn show(&mut self, mut view: impl FnMut(&mut Ui)) -> Picture {
        let context = self.egui.egui_ctx().clone();
        let input = self.egui.take_egui_input(&self.window);
        let mut size = self.size;
        let output = context.run_ui(input, |ui| {
            view(ui);
            size = ui.min_rect().size();
        });
        for command in &output.platform_output.commands {
            if let OutputCommand::CopyText(text) = command {
                self.clipboard.copy(text.clone());
            }
        }
        self.raster.update(output.textures_delta);
        self.egui
            .handle_platform_output(&self.window, output.platform_output);
        let delay = output.viewport_output.get(&ViewportId::ROOT);
        self.schedule(delay.map_or(Duration::MAX, |viewport| viewport.repaint_delay));
        self.fit(size);
        Picture {
            shapes: output.shapes,
            pixels_per_point: output.pixels_per_point,
        }
    }

    fn paint(&mut self, picture: Picture) -> Result<(), SoftBufferError> {
        let inside = self.window.inner_size();
        let (Some(width), Some(height)) = (
            NonZeroU32::new(inside.width),
            NonZeroU32::new(inside.height),
        ) else {
            // Minimised.
            return Ok(());
        };
        let (context, scale) = (self.egui.egui_ctx(), picture.pixels_per_point);
        let triangles = context.tessellate(picture.shapes, scale);
        self.surface.resize(width, height)?;
        let mut pixels = self.surface.buffer_mut()?;
        let (width, height) = (inside.width as usize, inside.height as usize);
        if let Some(mut canvas) = Canvas::new(width, height, &mut pixels) {
            canvas.fill(Palette::of(&context.global_style().visuals).background);
            self.raster.paint(&triangles, scale, &mut canvas);
        }
        self.window.pre_present_notify();
        pixels.present()
    }

    fn schedule(&mut self, delay: Duration) {
        if delay.is_zero() {
            self.window.request_redraw();
        }
        self.redraw_at = Instant::now()
            .checked_add(delay)
            .filter(|_| !delay.is_zero());
    }

    /// Follows what is shown, when that grows or shrinks.
    fn fit(&mut self, size: Vec2) {
        if (size - self.size).abs().max_elem() > 0.5 {
            self.size = size;
            // Where the system answers at once, it sends no event.
            let _ = self
                .window
                .request_inner_size(LogicalSize::new(size.x, size.y));
            self.window.request_redraw();
        }
    }
}

/// Shows it once where nobody sees it.
fn measure(context: &egui::Context, raster: &mut Raster, mut view: impl FnMut(&mut Ui)) -> Vec2 {
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(WIDTH, ROOM))),
        ..RawInput::default()
    };
    let mut size = Vec2::ZERO;
    let output = context.run_ui(input, |ui| {
        view(ui);
        size = ui.min_rect().size();
    });
    raster.update(output.textures_delta);
    size
}

/// A little above the middle of the main screen, where that is known.
fn centred(
    event_loop: &ActiveEventLoop,
    attributes: WindowAttributes,
    size: Vec2,
) -> WindowAttributes {
    let screen = event_loop
        .primary_monitor()
        .or_else(|| event_loop.available_monitors().next());
    let Some(screen) = screen else {
        return attributes;
    };
    let scale = screen.scale_factor();
    let place = |start: i32, whole: u32, part: f32, share: f64| {
        let free = f64::from(whole) - f64::from(part) * scale;
        start + (free * share).max(0.0) as i32
    };
    let (start, whole) = (screen.position(), screen.size());
    attributes.with_position(PhysicalPosition::new(
        place(start.x, whole.width, size.x, 0.5),
        place(start.y, whole.height, size.y, 0.4),
    ))
}

fn window_icon() -> Option<Icon> {
    let picture = icon::Picture::of_passerelle(64)?;
    Icon::from_rgba(picture.rgba, picture.size, picture.size).ok()
}
