//! What a cluster notes of its own past, and the camera that keeps it as it was at one moment.
//!
//! Whoever replays a session asks for the notes after each step ([`Cluster::take_notes`]); the cluster itself reads none of them.
//! A camera catches moments that no caller sees: the middle of a shell line that waits, or the instant before one of its requests.

use super::Cluster;
use crate::api::Touch;
use crate::object::{Kind, Node, Object, Pod, Ref, Service};
use crate::time::Instant;

/// A moment at which something changed that a picture may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When.
    pub at: Instant,
    /// The number of the first request after it.
    pub request: u64,
}

/// Something that a controller or a kubelet did by itself and that people wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// When.
    pub at: Instant,
    /// What it is about.
    pub object: Ref,
    /// What happened.
    pub what: Turned,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turned {
    /// A pod is gone.
    Gone,
    /// A pod or a node is no longer ready.
    Unready,
    /// A pod or a node is ready.
    Ready,
    /// A Service got an address for the outside.
    Addressed,
}

/// What has been noted since somebody last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Changes, in order of time; those of one instant between two requests are one.
    pub ticks: Vec<Tick>,
    /// News, in order of time.
    pub news: Vec<News>,
}

/// When a picture is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shot {
    /// When time has passed to this instant, and all that was due then is done.
    At(Instant),
    /// Just before the request of this number is sent.
    Request(u64),
}

/// Notes, and a picture to be taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Diary {
    notes: Notes,
    shot: Option<Shot>,
    picture: Option<Box<Cluster>>,
}

impl Cluster {
    /// What has been noted since this was last asked.
    pub fn take_notes(&mut self) -> Notes {
        std::mem::take(&mut self.diary.notes)
    }

    /// Keeps a copy of the cluster as it will be at a moment to come; [`Cluster::picture`] gives it.
    pub fn aim_camera(&mut self, shot: Shot) {
        self.diary.shot = Some(shot);
        self.diary.picture = None;
    }

    /// The copy, if the moment has come; the camera is put away.
    pub fn picture(&mut self) -> Option<Self> {
        self.diary.shot = None;
        self.diary.picture.take().map(|cluster| *cluster)
    }

    /// The instant at which a picture is to be taken, if time is about to pass it.
    pub(super) fn shot_before(&self, until: Instant) -> Option<Instant> {
        match self.diary.shot {
            Some(Shot::At(at)) if (self.now..=until).contains(&at) => Some(at),
            _ => None,
        }
    }

    /// A request is about to be sent.
    pub(super) fn expect_request(&mut self) {
        if self.diary.shot == Some(Shot::Request(self.fabric.flows().sent() + 1)) {
            self.shoot();
        }
    }

    pub(super) fn shoot(&mut self) {
        self.diary.shot = None;
        let mut picture = self.clone();
        picture.diary = Diary::default();
        self.diary.picture = Some(Box::new(picture));
    }

    /// Something changed now.
    pub(super) fn tick(&mut self) {
        let tick = Tick { at: self.now, request: self.fabric.flows().sent() + 1 };
        if self.diary.notes.ticks.last() != Some(&tick) {
            self.diary.notes.ticks.push(tick);
        }
    }

    /// Notes what changes mean.
    pub(super) fn note(&mut self, touched: &[Touch]) {
        if touched.is_empty() {
            return;
        }
        self.tick();
        for touch in touched {
            if let Some(what) = turned(touch) {
                self.diary.notes.news.push(News { at: self.now, object: touch.key.clone(), what });
            }
        }
    }
}

fn turned(touch: &Touch) -> Option<Turned> {
    let is_ready = |object: &Object| match touch.key.kind {
        Kind::Pod => object.body::<Pod>().is_some_and(|pod| pod.status.is_ready()),
        _ => object
            .body::<Node>()
            .is_some_and(|node| node.status.condition("Ready").is_some_and(|ready| ready.status == "True")),
    };
    let has_address = |object: &Object| {
        object.body::<Service>().is_some_and(|service| !service.status.load_balancer.ingress.is_empty())
    };
    let (old, new) = (touch.old.as_deref(), touch.new.as_deref());
    match touch.key.kind {
        Kind::Pod | Kind::Node => match (old.is_some_and(is_ready), new.map(is_ready)) {
            (_, None) if touch.key.kind == Kind::Pod => Some(Turned::Gone),
            (false, Some(true)) => Some(Turned::Ready),
            (true, Some(false)) => Some(Turned::Unready),
            _ => None,
        },
        Kind::Service => (!old.is_some_and(has_address) && new.is_some_and(has_address)).then_some(Turned::Addressed),
        _ => None,
    }
}
