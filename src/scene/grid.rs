//! The measures of an arrangement: where columns of rooms stand, and how high their rooms are.
//!
//! Up to three nodes stand in one column, up to eight in two. Where a column's rooms would be higher than the picture, they are tight. How high a room is follows from how many nodes there are, how
//! high the picture is to be and how many rules the strips hold, never from its pods: so a pod that comes or goes moves
//! nothing in another room. On a phone, where rooms stand below each other anyway, each is as high as what it holds.

use super::layout::Plan;
use super::line::{Pt, Rect, pt};
use super::{Width, Wish, outside};
use crate::api::Store;
use crate::object::{Host, Ref};

/// The measures of a whole picture, in units.
pub(super) struct Grid {
    pub(super) wide: bool,
    pub(super) width: f32,
    /// The upper edge of the first room.
    pub(super) top: f32,
    /// Between two rooms of a column.
    pub(super) gap: f32,
    /// The wire that leads from outside to the first column.
    pub(super) trunk: f32,
    /// The dashed line at the right end.
    pub(super) spine: f32,
    /// The height of the wire from the first column's wire to the others'.
    pub(super) bridge: f32,
    pub(super) columns: Vec<Column>,
    /// Where what stands before the rooms begins, and how wide a box there is.
    pub(super) left: f32,
    pub(super) aside: f32,
}

/// A column of rooms.
#[derive(Clone)]
pub(super) struct Column {
    pub(super) room_x: f32,
    pub(super) room_w: f32,
    pub(super) kernel_x: f32,
    pub(super) kernel_w: f32,
    /// From the kernel's left end to where packets are judged, and to the first pill.
    pub(super) spot: f32,
    pub(super) pill: f32,
    /// The wire that its rooms hang on.
    pub(super) trunk: f32,
    /// The dashed line that reaches into its kernels.
    pub(super) spine: f32,
    /// From a room's upper wall to its kernel.
    pub(super) header: f32,
    /// The height of a strip with one rule.
    pub(super) strip: f32,
    /// The least space between kernel and pods.
    pub(super) lane: f32,
    /// The most: a packet's label finds a place in it.
    pub(super) most: f32,
    /// From one rule of a strip to the next, and half the height of a rule's pill.
    pub(super) pitch: f32,
    pub(super) half: f32,
    /// The height of a pod's box.
    pub(super) card: f32,
}

/// How many rooms are drawn at most: of more nodes, the last room stands for the rest.
pub(super) const ROOMS: usize = 8;

/// Below a room's pods.
pub(super) const FOOT: f32 = 7.0;
/// Where a zone says its name, above its first room.
pub(super) const ZONE: f32 = 17.0;

impl Column {
    /// Whether a strip has space for all that a rule can say.
    pub(super) fn is_full(&self) -> bool {
        self.kernel_w > 400.0
    }

    /// Whether even the strip's name is left out.
    pub(super) fn is_compact(&self) -> bool {
        self.kernel_w < 250.0
    }
}

impl Grid {
    /// The measures for so many rooms.
    pub(super) fn of(rooms: usize, store: &Store, others: &[Ref], wish: &Wish) -> Self {
        let wide = wish.width != Width::Narrow;
        let column = |room_x: f32, room_w: f32, margin: f32, trunk: f32, spine: f32| Column {
            room_x,
            room_w,
            kernel_x: room_x + margin,
            kernel_w: room_w - 2.0 * margin,
            spot: 78.0,
            pill: 100.0,
            trunk,
            spine,
            header: 30.0,
            strip: 42.0,
            lane: 24.0,
            most: 112.0,
            pitch: 27.0,
            half: 12.0,
            card: 42.0,
        };
        let grid = Self {
            wide,
            width: 740.0,
            top: 40.0,
            gap: 10.0,
            trunk: 188.0,
            spine: 720.0,
            bridge: 0.0,
            columns: vec![column(212.0, 488.0, 10.0, 188.0, 720.0)],
            left: 16.0,
            aside: 130.0,
        };
        if !wide {
            let only = Column { spot: 72.0, pill: 92.0, lane: 18.0, ..column(42.0, 330.0, 8.0, 22.0, 382.0) };
            let (width, trunk, spine, top) = (390.0, 22.0, 382.0, outside::narrow_top(store, others, wish));
            return Self { width, trunk, spine, top, columns: vec![only], ..grid };
        }
        if wish.width == Width::Middle {
            let only = Column { spot: 72.0, pill: 92.0, lane: 12.0, ..column(182.0, 322.0, 8.0, 162.0, 522.0) };
            let (width, trunk, spine) = (wish.width.units(), 162.0, 522.0);
            return Self { width, trunk, spine, columns: vec![only], left: 12.0, aside: 116.0, ..grid };
        }
        if rooms <= 3 {
            let mut grid = grid;
            grid.columns[0].lane = 12.0;
            return grid;
        }
        let compact = |x: f32, trunk: f32, spine: f32| Column {
            spot: 26.0,
            pill: 44.0,
            header: if rooms > 6 { 24.0 } else { 29.0 },
            strip: if rooms > 6 { 30.0 } else { 38.0 },
            lane: 10.0,
            most: 40.0,
            half: 11.0,
            card: 34.0,
            ..column(x, 240.0, 8.0, trunk, spine)
        };
        // A room, the dashed line for it, the wire for the next column, the next column's room.
        let columns = vec![compact(204.0, 186.0, 455.0), compact(478.0, 466.0, 729.0)];
        Self { top: 52.0, gap: 8.0, trunk: 186.0, spine: 729.0, bridge: 45.0, columns, ..grid }
    }

    /// In which column a room stands, and in which row.
    pub(super) fn cell(&self, room: usize, rooms: usize, zoned: bool) -> (usize, usize) {
        let columns = self.columns.len();
        let rows = rooms.div_ceil(columns).max(1);
        // Zones stand below each other, so that each is in one piece; else the next node never moves those before it.
        if zoned { ((room / rows).min(columns - 1), room % rows) } else { (room % columns, room / columns) }
    }

    /// How high each room is, if that does not depend on its pods.
    pub(super) fn slot(&self, plans: &[Plan<'_>], zones: f32, wish: &Wish) -> Option<f32> {
        let (share, least) = self.share(plans, zones, wish)?;
        Some(share.min(if self.columns[0].is_compact() { 240.0 } else { 260.0 }).max(least))
    }

    /// Whether the rooms of a column would be higher than the picture is to be.
    pub(super) fn is_cramped(&self, plans: &[Plan<'_>], zones: f32, wish: &Wish) -> bool {
        let share = self.share(plans, zones, wish);
        self.columns.len() == 1 && share.is_some_and(|(share, least)| share < least)
    }

    /// Brings the parts of rooms closer together, as far as they must be.
    pub(super) fn tighten(&mut self, plans: &mut [Plan<'_>], zones: f32, wish: &Wish) {
        (self.top, self.gap) = (38.0, 6.0);
        for column in &mut self.columns {
            (column.header, column.strip, column.lane) = (22.0, 34.0, 9.0);
            (column.pitch, column.half, column.card) = (21.0, 9.5, 34.0);
        }
        for plan in &mut *plans {
            plan.kernel = self.strip(&self.columns[0], plan.rows());
        }
        if let Some((share, least)) = self.share(plans, zones, wish) {
            self.columns[0].header += ((share - least) / 2.0).clamp(0.0, 6.0);
        }
    }

    /// What each room has of the height that there is, and the least that it needs.
    fn share(&self, plans: &[Plan<'_>], zones: f32, wish: &Wish) -> Option<(f32, f32)> {
        if !self.wide || plans.len() <= 1 {
            return None;
        }
        let rows = plans.len().div_ceil(self.columns.len());
        let below = if self.columns.len() > 1 { 13.0 } else { 9.0 };
        // A wide picture may be a little smaller than its frame.
        let low = if wish.width == Width::Middle { 380.0 } else { 500.0 };
        let space = wish.height.clamp(low, 900.0) - self.top - zones - below;
        let share = (space - self.gap * (rows - 1) as f32) / rows as f32;
        let first = &self.columns[0];
        let strips = plans.iter().map(|plan| plan.kernel).fold(0.0, f32::max);
        Some((share, first.header + strips + first.lane + first.card + FOOT))
    }

    /// The way of what leads nowhere: out of a box at its left, down beside all others.
    pub(super) fn around(&self, from: Rect, y: f32) -> Vec<Pt> {
        let (x, middle) = (self.left - 10.0, from.center().y);
        vec![pt(from.x, middle), pt(x, middle), pt(x, y), pt(self.left + 22.0, y)]
    }

    /// The height of a strip with so many rules.
    pub(super) fn strip(&self, column: &Column, rows: usize) -> f32 {
        column.strip + column.pitch * (rows - 1) as f32
    }

    /// The middle of the ring where a Service's line begins.
    pub(super) fn ring(&self) -> f32 {
        if self.wide { 27.0 } else { self.top - 13.0 }
    }
}

/// Whether the nodes are in a cloud.
pub(super) fn is_far(wish: &Wish) -> bool {
    wish.profile.host == Host::Remote
}
