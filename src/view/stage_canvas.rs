//! Packets on the canvas above the scene: one call a frame, no list made for any of them.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use kubehop::scene::timeline::{Act, Look, Sprite, Timeline};
use kubehop::scene::{Mark, Pt};
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d as Context, HtmlCanvasElement};

/// Where the scene lies on the screen: pixels = units × scale + offset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lens {
    /// Pixels of a unit.
    pub(crate) scale: f64,
    /// Pixels from the left edge to the scene's.
    pub(crate) x: f64,
    /// Pixels from the upper edge to the scene's.
    pub(crate) y: f64,
}

impl Lens {
    /// The point of the scene below a point of the screen.
    pub(crate) fn unit(self, x: f64, y: f64) -> Pt {
        Pt { x: ((x - self.x) / self.scale) as f32, y: ((y - self.y) / self.scale) as f32 }
    }
}

/// What is special about some packets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spotlight {
    /// The selected trace, and whether its ring is drawn.
    pub(crate) selected: Option<u64>,
    /// The trace below the pointer.
    pub(crate) hovered: Option<u64>,
    /// Labels by trace: a bold part, then what follows it.
    pub(crate) labels: Vec<(u64, String, String)>,
}

/// The colours of the canvas, from the tokens.
struct Palette {
    fill: [String; 6],
    line: [String; 6],
    ink: [String; 6],
    neutral: String,
    text: String,
    surface: String,
    back: String,
    accent: String,
    err: String,
    err_soft: String,
    font: String,
    mono: String,
}

/// Draws packets.
pub(crate) struct Painter {
    canvas: HtmlCanvasElement,
    context: Context,
    palette: Palette,
    /// Marks drawn once at the present scale, by mark and whether hollow.
    marks: BTreeMap<(Mark, bool), HtmlCanvasElement>,
    pixels: f64,
    sprites: Vec<Sprite>,
    dots: JsValue,
    solid: JsValue,
}

const REACH: f32 = 14.0;
const TAIL: f32 = 26.0;

impl Painter {
    /// A painter for a canvas; none where the browser has no canvas.
    pub(crate) fn new(canvas: HtmlCanvasElement) -> Option<Self> {
        let context: Context = canvas.get_context("2d").ok()??.unchecked_into();
        let dots = js_sys::Array::of2(&0.1.into(), &5.into()).into();
        let palette = Palette::read(&canvas);
        let (marks, sprites) = (BTreeMap::new(), Vec::new());
        let solid = js_sys::Array::new().into();
        Some(Self { canvas, context, palette, marks, pixels: 0.0, sprites, dots, solid })
    }

    /// Takes the colours anew: the theme changed.
    pub(crate) fn refresh(&mut self) {
        self.palette = Palette::read(&self.canvas);
        self.marks.clear();
    }

    /// Draws the packets of a moment.
    pub(crate) fn draw(&mut self, timeline: &Timeline, t: f32, lens: Lens, size: (f64, f64), light: &Spotlight) {
        let ratio = window().device_pixel_ratio().clamp(1.0, 3.0);
        let (w, h) = ((size.0 * ratio).round() as u32, (size.1 * ratio).round() as u32);
        if self.canvas.width() != w || self.canvas.height() != h {
            self.canvas.set_width(w);
            self.canvas.set_height(h);
        }
        let pixels = ratio * lens.scale;
        if (pixels - self.pixels).abs() > 1e-3 {
            self.pixels = pixels;
            self.marks.clear();
        }
        let _ = self.context.reset_transform();
        self.context.clear_rect(0.0, 0.0, f64::from(w), f64::from(h));
        let _ = self.context.set_transform(pixels, 0.0, 0.0, pixels, lens.x * ratio, lens.y * ratio);
        let mut sprites = std::mem::take(&mut self.sprites);
        timeline.at(t, &mut sprites);
        // The selected packet lies above all others.
        for sprite in sprites.iter().filter(|sprite| Some(sprite.id) != light.selected) {
            self.packet(timeline, sprite);
        }
        for sprite in sprites.iter().filter(|sprite| Some(sprite.id) == light.selected) {
            self.ring(sprite);
            self.packet(timeline, sprite);
        }
        for (id, strong, rest) in &light.labels {
            let stays = |sprite: &&Sprite| sprite.id == *id && !(sprite.act == Act::Land && sprite.done > 0.6);
            if let Some(sprite) = sprites.iter().find(stays) {
                self.label(sprite.at, strong, rest, Some(*id) == light.hovered);
            }
        }
        self.sprites = sprites;
    }

    /// The trace whose packet is nearest to a point of the scene, within a finger's reach.
    pub(crate) fn hit(&self, at: Pt) -> Option<u64> {
        let near = self.sprites.iter().map(|sprite| (sprite.at.to(at), sprite.id)).filter(|(d, _)| *d < REACH);
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
    }

    fn packet(&mut self, timeline: &Timeline, sprite: &Sprite) {
        let Sprite { at, look, act, done, .. } = *sprite;
        let (x, y) = (f64::from(at.x), f64::from(at.y));
        if act == Act::Move {
            self.tail(timeline, sprite, self.line_colour(look).to_owned(), 1.0);
        }
        match act {
            Act::Dnat if look.mark.is_some() => self.half(x, y, look, done),
            Act::Land => {
                self.context.set_global_alpha(f64::from(1.0 - done));
                self.mark(x, y, look);
                self.context.set_global_alpha(1.0);
            }
            Act::Refuse => {
                self.mark(x, y, look);
                self.bar(timeline, sprite);
            }
            Act::Lose => {
                let colour = self.palette.err.clone();
                self.tail(timeline, sprite, colour, f64::from(1.0 - done * 0.5));
                if done < 1.0 {
                    self.mark(x, y, look);
                }
                self.context.set_global_alpha(f64::from(done));
                self.cross(x, y);
                self.context.set_global_alpha(1.0);
            }
            _ => self.mark(x, y, look),
        }
    }

    fn line_colour(&self, look: Look) -> &str {
        match look.mark {
            _ if look.refusal => &self.palette.err,
            Some(mark) => &self.palette.line[mark.hue() as usize],
            None => &self.palette.neutral,
        }
    }

    fn disc(&self, x: f64, y: f64, r: f64) {
        self.context.begin_path();
        let _ = self.context.arc(x, y, r, 0.0, TAU);
    }

    fn mark(&mut self, x: f64, y: f64, look: Look) {
        let Some(mark) = look.mark.filter(|_| !look.refusal) else {
            let r = if look.name { 5.0 } else { 6.5 };
            self.disc(x, y, r);
            let (fill, line) = match (look.reply, look.refusal) {
                (_, true) => (&self.palette.surface, &self.palette.err),
                (true, _) => (&self.palette.surface, &self.palette.neutral),
                (false, _) => (&self.palette.neutral, &self.palette.surface),
            };
            self.context.set_fill_style_str(fill);
            self.context.fill();
            self.context.set_line_width(if look.reply { 2.0 } else { 1.0 });
            self.context.set_stroke_style_str(line);
            self.context.stroke();
            return;
        };
        let key = (mark, look.reply);
        if !self.marks.contains_key(&key) {
            let Some(image) = self.image(mark, look.reply) else { return };
            self.marks.insert(key, image);
        }
        if let Some(image) = self.marks.get(&key) {
            let _ =
                self.context.draw_image_with_html_canvas_element_and_dw_and_dh(image, x - 12.0, y - 12.0, 24.0, 24.0);
        }
    }

    /// A mark on a small canvas of its own.
    fn image(&self, mark: Mark, hollow: bool) -> Option<HtmlCanvasElement> {
        let image: HtmlCanvasElement = document().create_element("canvas").ok()?.unchecked_into();
        let side = (24.0 * self.pixels).ceil().max(1.0);
        image.set_width(side as u32);
        image.set_height(side as u32);
        let context: Context = image.get_context("2d").ok()??.unchecked_into();
        let scale = side / 24.0;
        let _ = context.scale(scale, scale);
        let _ = context.translate(12.0, 12.0);
        let hue = mark.hue() as usize;
        context.begin_path();
        let corners: &[(f64, f64)] = match mark.shape() {
            0 => &[],
            1 => &[(-8.5, -8.5), (8.5, -8.5), (8.5, 8.5), (-8.5, 8.5)],
            2 => &[(0.0, -10.6), (10.6, 0.0), (0.0, 10.6), (-10.6, 0.0)],
            3 => &[(-5.0, -9.0), (5.0, -9.0), (10.0, 0.0), (5.0, 9.0), (-5.0, 9.0), (-10.0, 0.0)],
            4 => &[(0.0, -10.0), (10.4, 8.2), (-10.4, 8.2)],
            _ => &[(0.0, -10.0), (9.9, -2.8), (6.1, 8.8), (-6.1, 8.8), (-9.9, -2.8)],
        };
        match corners {
            [] => {
                let _ = context.arc(0.0, 0.0, 9.0, 0.0, TAU);
            }
            [first, rest @ ..] => {
                context.move_to(first.0, first.1);
                rest.iter().for_each(|corner| context.line_to(corner.0, corner.1));
                context.close_path();
            }
        }
        context.set_line_join("round");
        let palette = &self.palette;
        context.set_fill_style_str(if hollow { &palette.surface } else { &palette.fill[hue] });
        context.fill();
        context.set_line_width(if hollow { 2.0 } else { 1.25 });
        context.set_stroke_style_str(&palette.line[hue]);
        context.stroke();
        context.set_fill_style_str(if hollow { &palette.line[hue] } else { &palette.ink[hue] });
        context.set_font(&format!("600 12px {}", palette.font));
        context.set_text_align("center");
        let y = if mark.shape() == 4 { 6.2 } else { 4.3 };
        let _ = context.fill_text(mark.letter().encode_utf8(&mut [0; 4]), 0.0, y);
        Some(image)
    }

    /// The packet while its destination is rewritten: the hue fills it from the right.
    fn half(&mut self, x: f64, y: f64, look: Look, done: f32) {
        let Some(mark) = look.mark else { return };
        // 250 of 900 ms to strike the old address, 350 to slide the new one in, 300 to hold.
        let share = f64::from(((done - 0.28) / 0.39).clamp(0.0, 1.0));
        if share >= 1.0 {
            return self.mark(x, y, look);
        }
        let hue = mark.hue() as usize;
        let context = &self.context;
        self.disc(x, y, 10.0);
        context.set_fill_style_str(&self.palette.surface);
        context.fill();
        context.set_line_width(1.5);
        context.set_stroke_style_str(&self.palette.text);
        context.stroke();
        if share > 0.0 {
            // From the angle at which the edge of the fill cuts the circle.
            let angle = (1.0 - 2.0 * share).clamp(-1.0, 1.0).acos();
            context.begin_path();
            let _ = context.arc(x, y, 10.0, -angle, angle);
            context.close_path();
            context.set_fill_style_str(&self.palette.fill[hue]);
            context.fill();
            self.disc(x, y, 10.0);
            context.set_stroke_style_str(&self.palette.line[hue]);
            context.stroke();
        }
    }

    fn tail(&self, timeline: &Timeline, sprite: &Sprite, colour: String, alpha: f64) {
        let context = &self.context;
        context.begin_path();
        for (i, at) in timeline.tail(sprite, if sprite.act == Act::Lose { 40.0 } else { TAIL }).enumerate() {
            let (x, y) = (f64::from(at.x), f64::from(at.y));
            if i == 0 { context.move_to(x, y) } else { context.line_to(x, y) }
        }
        context.set_stroke_style_str(&colour);
        context.set_line_width(2.25);
        context.set_line_cap("round");
        context.set_global_alpha(alpha);
        if sprite.look.reply {
            let _ = context.set_line_dash(&self.dots);
        }
        context.stroke();
        let _ = context.set_line_dash(&self.solid);
        context.set_global_alpha(1.0);
    }

    /// The bar across the way of a packet that was refused.
    fn bar(&self, timeline: &Timeline, sprite: &Sprite) {
        let (wall, ahead) = timeline.wall(sprite);
        let (x, y) = (f64::from(wall.x + ahead.x * 1.5), f64::from(wall.y + ahead.y * 1.5));
        let (across, down) = (f64::from(-ahead.y) * 8.0, f64::from(ahead.x) * 8.0);
        let context = &self.context;
        context.begin_path();
        context.move_to(x - across, y - down);
        context.line_to(x + across, y + down);
        context.set_stroke_style_str(&self.palette.err);
        context.set_line_width(3.0);
        context.set_line_cap("round");
        context.stroke();
    }

    fn cross(&self, x: f64, y: f64) {
        let context = &self.context;
        self.disc(x, y, 9.0);
        context.set_fill_style_str(&self.palette.err_soft);
        context.fill();
        context.set_stroke_style_str(&self.palette.err);
        context.set_line_width(1.5);
        context.stroke();
        context.begin_path();
        for (a, b) in [(-4.0, -4.0), (4.0, -4.0)] {
            context.move_to(x + a, y + b);
            context.line_to(x - a, y - b);
        }
        context.set_line_width(2.0);
        context.set_line_cap("round");
        context.stroke();
    }

    fn ring(&self, sprite: &Sprite) {
        let (x, y) = (f64::from(sprite.at.x), f64::from(sprite.at.y));
        let context = &self.context;
        self.disc(x, y, 19.0);
        context.set_global_alpha(0.16);
        context.set_fill_style_str(&self.palette.accent);
        context.fill();
        context.set_global_alpha(1.0);
        self.disc(x, y, 14.5);
        context.set_line_width(2.0);
        context.set_stroke_style_str(&self.palette.accent);
        context.stroke();
    }

    fn label(&self, at: Pt, strong: &str, rest: &str, hovered: bool) {
        let context = &self.context;
        let (x, y) = (f64::from(at.x), f64::from(at.y) - 16.0);
        let side = if at.x > 160.0 { 1.0 } else { -1.0 };
        let x = if hovered { x } else { x + 14.0 * side };
        context.set_text_align(if hovered {
            "center"
        } else if side > 0.0 {
            "left"
        } else {
            "right"
        });
        context.set_line_join("round");
        context.set_line_width(5.0);
        context.set_stroke_style_str(&self.palette.back);
        for (words, dy, font, weight, colour) in [
            (strong, -14.0, &self.palette.font, "600", &self.palette.text),
            (rest, 0.0, &self.palette.mono, "400", &self.palette.text),
        ] {
            context.set_font(&format!("{weight} 12px {font}"));
            let _ = context.stroke_text(words, x, y + dy);
            context.set_fill_style_str(colour);
            let _ = context.fill_text(words, x, y + dy);
        }
    }
}

impl Palette {
    fn read(canvas: &HtmlCanvasElement) -> Self {
        let style = window().get_computed_style(canvas).ok().flatten();
        let get = |name: &str| {
            let value = style.as_ref().and_then(|style| style.get_property_value(name).ok());
            value.map(|v| v.trim().to_owned()).unwrap_or_default()
        };
        let hues = |part: &str| ["a", "b", "c", "d", "e", "f"].map(|hue| get(&format!("--{hue}-{part}")));
        Self {
            fill: hues("fill"),
            line: hues("line"),
            ink: hues("ink"),
            neutral: get("--ink-3"),
            text: get("--ink-2"),
            surface: get("--surface"),
            back: get("--bg"),
            accent: get("--accent"),
            err: get("--err"),
            err_soft: get("--err-soft"),
            font: get("--font-ui"),
            mono: get("--font-mono"),
        }
    }
}
