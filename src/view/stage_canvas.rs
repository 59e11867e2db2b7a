//! Packets on the canvas above the scene: one call a frame, no list made for any of them.

use std::f64::consts::TAU;

use kubehop::scene::crowd::Chip;
use kubehop::scene::pulse::Pulse;
use kubehop::scene::timeline::{Act, Look, Sprite, Timeline};
use kubehop::scene::{Motion, Pt};
use kubehop::time::Instant;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d as Context, HtmlCanvasElement};

use super::stage_ink::{HALF, Palette, Stamps};

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

    /// The point of the screen where a point of the scene lies.
    pub(crate) fn pixel(self, at: Pt) -> (f64, f64) {
        (f64::from(at.x) * self.scale + self.x, f64::from(at.y) * self.scale + self.y)
    }
}

/// What is special about some packets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spotlight {
    /// The selected trace, and whether its ring is drawn.
    pub(crate) selected: Option<u64>,
    /// The trace below the pointer.
    pub(crate) hovered: Option<u64>,
    /// Labels of some.
    pub(crate) labels: Vec<PacketLabel>,
}

/// What a packet on its way says of itself.
#[derive(Clone, Debug)]
pub(crate) struct PacketLabel {
    /// The trace.
    pub(crate) id: u64,
    /// The bold part.
    pub(crate) strong: String,
    /// What follows it, in a line of its own.
    pub(crate) rest: String,
    /// Whether it stands below, because other words stand above.
    pub(crate) below: bool,
}

/// What a frame shows.
pub(crate) struct Frame<'a> {
    /// The traces, laid out.
    pub(crate) timeline: &'a Timeline,
    /// The moment.
    pub(crate) t: f32,
    /// What is special about some.
    pub(crate) light: Spotlight,
    /// Whether the selected packet is looked at: then it is shown whatever is muted.
    pub(crate) looks: bool,
    /// A request whose connection stays open for others, or is inside another one.
    pub(crate) tube: Option<u64>,
    /// Counts beside the motion.
    pub(crate) chips: &'a [Chip],
    /// Probes and checks.
    pub(crate) pulses: &'a [Pulse],
    /// The cluster's time, which is theirs.
    pub(crate) now: Instant,
    /// How they move.
    pub(crate) motion: Motion,
}

/// Draws packets.
pub(crate) struct Painter {
    canvas: HtmlCanvasElement,
    context: Context,
    palette: Palette,
    stamps: Stamps,
    sprites: Vec<Sprite>,
    /// Which places of the picture have a packet on them already.
    taken: Vec<bool>,
    /// From units to the canvas' own pixels: how many a unit has, and where the scene's corner is.
    pixels: Lens,
    /// Whether the canvas is drawn on in its own pixels just now, not in units.
    bare: bool,
    dots: JsValue,
    solid: JsValue,
}

const REACH: f32 = 14.0;
const TAIL: f32 = 26.0;
/// More packets than this are a stream: of those that lie on one another the last is drawn.
const STREAM: usize = 120;
/// How near packets of a stream are to lie on one another, in units; half as much again where there are more than this.
const NEAR: f32 = 4.0;
const FLOOD: usize = 500;
/// The size of a count's type in units, and the smallest that can be read, in pixels.
const TYPE: f32 = 12.0;
const SMALLEST: f64 = 9.0;
/// The places of a picture: columns and rows.
const PLACES: (usize, usize) = (512, 512);

impl Painter {
    /// A painter for a canvas; none where the browser has no canvas.
    pub(crate) fn new(canvas: HtmlCanvasElement) -> Option<Self> {
        let context: Context = canvas.get_context("2d").ok()??.unchecked_into();
        let dots = js_sys::Array::of2(&0.1.into(), &5.into()).into();
        let palette = Palette::read(&canvas);
        let solid = js_sys::Array::new().into();
        let (stamps, sprites, taken) = (Stamps::default(), Vec::new(), Vec::new());
        let (pixels, bare) = (Lens::default(), false);
        Some(Self { canvas, context, palette, stamps, sprites, taken, pixels, bare, dots, solid })
    }

    /// Takes the colours anew: the theme changed.
    pub(crate) fn refresh(&mut self) {
        self.palette = Palette::read(&self.canvas);
        self.stamps.clear();
    }

    /// Draws the packets of a moment.
    pub(crate) fn draw(&mut self, frame: &Frame<'_>, lens: Lens, size: (f64, f64)) {
        let ratio = window().device_pixel_ratio().clamp(1.0, 2.0);
        let (w, h) = ((size.0 * ratio).round() as u32, (size.1 * ratio).round() as u32);
        if self.canvas.width() != w || self.canvas.height() != h {
            self.canvas.set_width(w);
            self.canvas.set_height(h);
        }
        let pixels = ratio * lens.scale;
        self.stamps.scale(pixels);
        let _ = self.context.reset_transform();
        self.context.clear_rect(0.0, 0.0, f64::from(w), f64::from(h));
        self.pixels = Lens { scale: pixels, x: lens.x * ratio, y: lens.y * ratio };
        self.bare = true;
        self.in_units();
        let (timeline, light) = (frame.timeline, &frame.light);
        self.ways(frame);
        self.chips(frame.chips, lens);
        self.pulses(frame);

        let mut sprites = std::mem::take(&mut self.sprites);
        timeline.at(frame.t, light.selected.filter(|_| frame.looks), &mut sprites);
        // What is not in sight is not drawn.
        let (a, b) = (lens.unit(0.0, 0.0), lens.unit(size.0, size.1));
        let seen = |at: Pt| at.x > a.x - 24.0 && at.x < b.x + 24.0 && at.y > a.y - 24.0 && at.y < b.y + 24.0;
        sprites.retain(|sprite| seen(sprite.at));
        let stream = sprites.len() > STREAM;
        if stream {
            self.thin(&mut sprites, light.selected);
        }
        // The selected packet lies above all others.
        let is_selected = |sprite: &&Sprite| Some(sprite.id) == light.selected;
        self.tails(timeline, &sprites);
        for sprite in sprites.iter().filter(|sprite| !is_selected(sprite)) {
            match sprite.act {
                // In a stream nobody sees a part of a pixel, and whole pixels are copied several times as fast.
                Act::Move | Act::Rest | Act::Rewrite | Act::Answer if stream => self.blit(sprite),
                _ => self.packet(timeline, sprite),
            }
        }
        self.in_units();
        for sprite in sprites.iter().filter(is_selected) {
            self.ring(sprite);
            self.packet(timeline, sprite);
        }
        for label in &light.labels {
            let stays = |sprite: &&Sprite| sprite.id == label.id && !(sprite.act == Act::Land && sprite.done > 0.6);
            if let Some(sprite) = sprites.iter().find(stays) {
                self.label(sprite.at, label, Some(label.id) == light.hovered);
            }
        }
        self.sprites = sprites;
    }

    /// Leaves out the packets of a stream that others cover.
    fn thin(&mut self, sprites: &mut Vec<Sprite>, selected: Option<u64>) {
        self.taken.clear();
        self.taken.resize(PLACES.0 * PLACES.1, false);
        let taken = &mut self.taken;
        let near = if sprites.len() > FLOOD { 1.5 * NEAR } else { NEAR };
        let mut covered = |sprite: &Sprite| {
            let (x, y) = ((sprite.at.x / near).max(0.0) as usize, (sprite.at.y / near).max(0.0) as usize);
            let place = (y % PLACES.1) * PLACES.0 + x % PLACES.0;
            std::mem::replace(&mut taken[place], true)
        };
        // The last lies on top.
        sprites.reverse();
        sprites.retain(|sprite| !covered(sprite) || Some(sprite.id) == selected);
        sprites.reverse();
    }

    /// A connection that lasts, as long as there is traffic on it; and the selected packet's way: what it took, and what is to come.
    fn ways(&self, frame: &Frame<'_>) {
        let (timeline, t, palette) = (frame.timeline, frame.t, &self.palette);
        self.context.set_line_join("round");
        let lasts = |id: &u64| timeline.run(*id).is_some_and(|run| t >= run.start) && t < timeline.end;
        if let Some(id) = frame.tube.filter(lasts) {
            self.context.set_global_alpha(0.55);
            self.path(&timeline.route(id), &palette.edge, 11.0);
            self.context.set_global_alpha(1.0);
        }
        let flies = |id: &u64| timeline.run(*id).is_some_and(|run| t >= run.start && !run.is_over(t));
        if let Some(id) = frame.light.selected.filter(flies) {
            let (took, ahead) = timeline.ways(id, t);
            let hue = timeline.look(id, t).mark.map_or(&palette.neutral, |mark| &palette.fill[mark.hue() as usize]);
            self.path(&ahead, hue, palette.path);
            self.path(&took, &palette.accent, palette.path);
        }
    }

    fn path(&self, ways: &[Vec<Pt>], colour: &str, width: f64) {
        let context = &self.context;
        context.begin_path();
        for way in ways {
            for (i, at) in way.iter().enumerate() {
                let (x, y) = (f64::from(at.x), f64::from(at.y));
                if i == 0 { context.move_to(x, y) } else { context.line_to(x, y) }
            }
        }
        context.set_line_cap("round");
        context.set_stroke_style_str(colour);
        context.set_line_width(width);
        context.stroke();
    }

    /// Probes and checks: small, in no replica's colour; with a tick, or a cross and a word.
    fn pulses(&self, frame: &Frame<'_>) {
        let (context, palette) = (&self.context, &self.palette);
        for pulse in frame.pulses {
            let age = frame.now.since(pulse.at).as_micros() as f32 / 1000.0;
            let Some(dot) = pulse.dot(age, frame.motion) else { continue };
            let (x, y) = (f64::from(dot.at.x), f64::from(dot.at.y));
            context.set_global_alpha(f64::from(dot.alpha));
            if pulse.check {
                context.begin_path();
                context.rect(x - 3.5, y - 3.5, 7.0, 7.0);
            } else {
                self.disc(x, y, 3.5);
            }
            let failed = dot.end == Some(false);
            let line = if failed { &palette.err } else { &palette.neutral };
            context.set_fill_style_str(if dot.back || dot.end.is_some() { &palette.surface } else { line });
            context.fill();
            context.set_stroke_style_str(line);
            context.set_line_width(1.75);
            context.stroke();
            let Some(well) = dot.end else { continue };
            // The sign stands beside it, away from the wire.
            let corners: &[(f64, f64)] = match well {
                true => &[(7.0, 0.0), (9.5, 2.8), (14.0, -3.4)],
                false => &[(7.5, -3.0), (13.5, 3.0), (13.5, -3.0), (7.5, 3.0)],
            };
            context.begin_path();
            for (i, (dx, dy)) in corners.iter().enumerate() {
                // A cross is two strokes.
                if i == 0 || (!well && i == 2) {
                    context.move_to(x + dx, y + dy);
                } else {
                    context.line_to(x + dx, y + dy);
                }
            }
            context.set_line_cap("round");
            context.set_stroke_style_str(if well { &palette.ok } else { &palette.err });
            context.set_line_width(2.0);
            context.stroke();
            if !well {
                context.set_font(&format!("600 12px {}", palette.font));
                context.set_text_align("left");
                context.set_line_width(4.0);
                context.set_line_join("round");
                context.set_stroke_style_str(&palette.back);
                let _ = context.stroke_text(&pulse.words, x + 18.0, y + 4.3);
                context.set_fill_style_str(&palette.err);
                let _ = context.fill_text(&pulse.words, x + 18.0, y + 4.3);
            }
        }
        context.set_global_alpha(1.0);
    }

    /// The counts that are large enough to be read; those on small marks are for who zooms in.
    fn chips(&self, chips: &[Chip], lens: Lens) {
        let context = &self.context;
        context.set_text_align("center");
        context.set_line_width(1.25);
        let mut font = 0.0;
        for chip in chips.iter().filter(|chip| f64::from(TYPE * chip.scale) * lens.scale >= SMALLEST) {
            if font != chip.scale {
                font = chip.scale;
                context.set_font(&format!("600 {}px {}", TYPE * font, self.palette.font));
            }
            self.chip(chip);
        }
    }

    /// A count on the edge of a box.
    fn chip(&self, chip: &Chip) {
        let (context, palette, rect) = (&self.context, &self.palette, chip.rect);
        let [x, y, w, h] = [rect.x, rect.y, rect.w, rect.h].map(f64::from);
        context.begin_path();
        let _ = context.round_rect_with_f64(x, y, w, h, h / 2.0);
        context.set_fill_style_str(&palette.surface);
        context.fill();
        let hue = chip.mark.map(|mark| &palette.line[mark.hue() as usize]);
        context.set_stroke_style_str(hue.unwrap_or(&palette.edge));
        context.stroke();
        context.set_fill_style_str(&palette.text);
        let _ = context.fill_text(&chip.text, x + w / 2.0, y + h * 0.77);
    }

    /// The trace whose packet is nearest to a point of the scene, within a finger's reach.
    pub(crate) fn hit(&self, at: Pt) -> Option<u64> {
        let near = self.sprites.iter().map(|sprite| (sprite.at.to(at), sprite.id)).filter(|(d, _)| *d < REACH);
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
    }

    fn packet(&mut self, timeline: &Timeline, sprite: &Sprite) {
        self.in_units();
        let Sprite { at, look, act, done, .. } = *sprite;
        let (x, y) = (f64::from(at.x), f64::from(at.y));
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
                self.context.set_global_alpha(f64::from(1.0 - done * 0.5));
                self.context.begin_path();
                self.trail(timeline, sprite, 40.0);
                self.stroke(&self.palette.err, look.reply);
                self.context.set_global_alpha(1.0);
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

    fn disc(&self, x: f64, y: f64, r: f64) {
        self.context.begin_path();
        let _ = self.context.arc(x, y, r, 0.0, TAU);
    }

    /// From here on units are drawn in.
    fn in_units(&mut self) {
        if std::mem::take(&mut self.bare) {
            let Lens { scale, x, y } = self.pixels;
            let _ = self.context.set_transform(scale, 0.0, 0.0, scale, x, y);
        }
    }

    /// The mark of a packet at the nearest whole pixel.
    fn blit(&mut self, sprite: &Sprite) {
        if !std::mem::replace(&mut self.bare, true) {
            let _ = self.context.reset_transform();
        }
        let (x, y) = self.pixels.pixel(sprite.at);
        let half = HALF * self.pixels.scale;
        if let Some(image) = self.stamps.of(&self.palette, sprite.look) {
            let _ = self.context.draw_image_with_html_canvas_element(image, (x - half).round(), (y - half).round());
        }
    }

    fn mark(&mut self, x: f64, y: f64, look: Look) {
        let side = self.stamps.side();
        if let Some(image) = self.stamps.of(&self.palette, look) {
            let (x, y) = (x - HALF, y - HALF);
            let _ = self.context.draw_image_with_html_canvas_element_and_dw_and_dh(image, x, y, side, side);
        }
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

    /// The tails of all packets that move: those of one colour in one stroke.
    fn tails(&self, timeline: &Timeline, sprites: &[Sprite]) {
        let kind = |look: Look| {
            let hue = look.mark.map_or(6, |mark| mark.hue());
            (if look.refusal { 7 } else { hue }, look.reply)
        };
        let mut done = [[false; 2]; 8];
        for (i, first) in sprites.iter().enumerate().filter(|(_, sprite)| sprite.act == Act::Move) {
            let (hue, reply) = kind(first.look);
            if std::mem::replace(&mut done[hue as usize][usize::from(reply)], true) {
                continue;
            }
            self.context.begin_path();
            for sprite in sprites[i..].iter().filter(|s| s.act == Act::Move && kind(s.look) == (hue, reply)) {
                self.trail(timeline, sprite, TAIL);
            }
            self.stroke(self.palette.tail(first.look), reply);
        }
    }

    /// Adds a packet's tail to the path.
    fn trail(&self, timeline: &Timeline, sprite: &Sprite, length: f32) {
        for (i, at) in timeline.tail(sprite, length).enumerate() {
            let (x, y) = (f64::from(at.x), f64::from(at.y));
            if i == 0 { self.context.move_to(x, y) } else { self.context.line_to(x, y) }
        }
    }

    fn stroke(&self, colour: &str, dotted: bool) {
        let context = &self.context;
        context.set_stroke_style_str(colour);
        context.set_line_width(2.25);
        context.set_line_cap("round");
        if dotted {
            let _ = context.set_line_dash(&self.dots);
        }
        context.stroke();
        if dotted {
            let _ = context.set_line_dash(&self.solid);
        }
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

    fn label(&self, at: Pt, label: &PacketLabel, hovered: bool) {
        let context = &self.context;
        let (x, y) = (f64::from(at.x), f64::from(at.y) + if label.below { 43.0 } else { -16.0 });
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
            (&label.strong, -14.0, &self.palette.font, "600", &self.palette.text),
            (&label.rest, 0.0, &self.palette.mono, "400", &self.palette.text),
        ] {
            context.set_font(&format!("{weight} 12px {font}"));
            let _ = context.stroke_text(words, x, y + dy);
            context.set_fill_style_str(colour);
            let _ = context.fill_text(words, x, y + dy);
        }
    }
}
