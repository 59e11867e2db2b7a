//! What the canvas draws with: the colours of the sheets, and each kind of mark drawn once and stamped from then on.

use std::f64::consts::TAU;

use kubehop::scene::Mark;
use kubehop::scene::timeline::Look;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d as Context, HtmlCanvasElement};

/// The colours of the canvas, from the tokens.
pub(super) struct Palette {
    pub(super) fill: [String; 6],
    pub(super) line: [String; 6],
    pub(super) ink: [String; 6],
    pub(super) neutral: String,
    pub(super) text: String,
    pub(super) surface: String,
    pub(super) back: String,
    pub(super) edge: String,
    pub(super) accent: String,
    pub(super) ok: String,
    pub(super) err: String,
    pub(super) err_soft: String,
    pub(super) font: String,
    pub(super) mono: String,
    /// How wide a way is.
    pub(super) path: f64,
}

impl Palette {
    pub(super) fn read(canvas: &HtmlCanvasElement) -> Self {
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
            edge: get("--line-strong"),
            accent: get("--accent"),
            ok: get("--ok"),
            err: get("--err"),
            err_soft: get("--err-soft"),
            font: get("--font-ui"),
            mono: get("--font-mono"),
            path: get("--k-path").trim_end_matches("px").parse().unwrap_or(2.25),
        }
    }

    /// The colour of a packet's tail.
    pub(super) fn tail(&self, look: Look) -> &str {
        match look.mark {
            _ if look.refusal => &self.err,
            Some(mark) => &self.line[mark.hue() as usize],
            None => &self.neutral,
        }
    }
}

/// Half the side of a stamp, in units.
pub(super) const HALF: f64 = 14.0;

/// Marks drawn once at the present scale.
#[derive(Default)]
pub(super) struct Stamps {
    /// By mark and flags, in order.
    images: Vec<((Option<Mark>, u8), HtmlCanvasElement)>,
    pixels: f64,
}

impl Stamps {
    /// Forgets all: colours changed.
    pub(super) fn clear(&mut self) {
        self.images.clear();
    }

    /// From now on a unit has so many pixels.
    pub(super) fn scale(&mut self, pixels: f64) {
        if (pixels - self.pixels).abs() > 1e-3 {
            self.pixels = pixels;
            self.clear();
        }
    }

    /// The side of a stamp's picture, in units: whole pixels, [`HALF`] and more on each side of the mark's middle.
    pub(super) fn side(&self) -> f64 {
        if self.pixels > 0.0 { self.whole() / self.pixels } else { 0.0 }
    }

    /// The same in pixels.
    fn whole(&self) -> f64 {
        (2.0 * HALF * self.pixels).ceil().max(1.0)
    }

    /// The mark of a packet that looks so.
    pub(super) fn of(&mut self, palette: &Palette, look: Look) -> Option<&HtmlCanvasElement> {
        let mark = look.mark.filter(|_| !look.refusal);
        let flags = [look.reply, look.refusal, look.name, look.retry];
        let key = (mark, flags.iter().fold(0, |sum, flag| sum << 1 | u8::from(*flag)));
        let at = match self.images.binary_search_by_key(&key, |image| image.0) {
            Ok(at) => at,
            Err(at) => {
                self.images.insert(at, (key, self.draw(palette, look, mark)?));
                at
            }
        };
        self.images.get(at).map(|image| &image.1)
    }

    fn draw(&self, palette: &Palette, look: Look, mark: Option<Mark>) -> Option<HtmlCanvasElement> {
        let image: HtmlCanvasElement = document().create_element("canvas").ok()?.unchecked_into();
        let side = self.whole() as u32;
        image.set_width(side);
        image.set_height(side);
        let context: Context = image.get_context("2d").ok()??.unchecked_into();
        let _ = context.scale(self.pixels, self.pixels);
        let _ = context.translate(HALF, HALF);
        match mark {
            Some(mark) => replica(&context, palette, mark, look.reply),
            None => plain(&context, palette, look),
        }
        if look.retry {
            again(&context, palette);
        }
        Some(image)
    }
}

/// A packet that no replica was picked for, or that carries a refusal.
fn plain(context: &Context, palette: &Palette, look: Look) {
    context.begin_path();
    let _ = context.arc(0.0, 0.0, if look.name { 5.0 } else { 6.5 }, 0.0, TAU);
    let (fill, line) = match (look.reply, look.refusal) {
        (_, true) => (&palette.surface, &palette.err),
        (true, _) => (&palette.surface, &palette.neutral),
        (false, _) => (&palette.neutral, &palette.surface),
    };
    context.set_fill_style_str(fill);
    context.fill();
    context.set_line_width(if look.reply { 2.0 } else { 1.0 });
    context.set_stroke_style_str(line);
    context.stroke();
}

/// A packet that goes to a replica, or comes from it.
fn replica(context: &Context, palette: &Palette, mark: Mark, hollow: bool) {
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
}

/// The badge of a packet that asks again: an arrow that turns back on itself.
fn again(context: &Context, palette: &Palette) {
    let (x, y) = (8.2, -8.2);
    context.begin_path();
    let _ = context.arc(x, y, 5.2, 0.0, TAU);
    context.set_fill_style_str(&palette.surface);
    context.fill();
    context.set_stroke_style_str(&palette.text);
    context.set_line_width(1.4);
    context.begin_path();
    let _ = context.arc(x, y, 3.1, -0.4, 4.3);
    context.stroke();
    context.begin_path();
    context.move_to(x + 0.6, y - 1.6);
    context.line_to(x + 4.4, y - 1.9);
    context.line_to(x + 2.9, y + 1.4);
    context.close_path();
    context.set_fill_style_str(&palette.text);
    context.fill();
}
