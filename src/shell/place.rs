//! Where one stands: the laptop, a node or a pod, and what each shell says of itself.

use super::{Io, Shell, Terminal};
use crate::object::{Kind, Node, Pod, Ref};
use crate::trace::Place;

/// What stands before the line: `$ ` on the laptop, `docker@minikube:~$ ` on a node, `/ # ` in a pod.
pub fn prompt(terminal: &Terminal) -> String {
    match terminal.place() {
        Place::Laptop | Place::Internet | Place::Cloud(_) => "$ ".into(),
        Place::Node(name) => format!("docker@{name}:~$ "),
        Place::Pod(..) => "/ # ".into(),
    }
}

impl Shell<'_> {
    /// What the shell here calls itself in complaints.
    pub(super) fn shell_name(&self) -> &'static str {
        match self.terminal.place() {
            Place::Laptop | Place::Internet | Place::Cloud(_) => "bash",
            Place::Node(_) => "-bash",
            Place::Pod(..) => "sh",
        }
    }

    /// Does something as if one stood at `place`, then comes back.
    pub(super) fn at<T>(&mut self, place: Place, work: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.terminal.places.len();
        self.terminal.places.push(place);
        let done = work(self);
        self.terminal.places.truncate(depth);
        self.moved = false;
        done
    }

    /// Goes to `place` and stays there.
    pub(super) fn enter(&mut self, place: Place) {
        self.terminal.places.push(place);
        self.moved = true;
    }

    /// Goes back to where one came from; false on the laptop, which nobody leaves.
    pub(super) fn leave(&mut self) -> bool {
        if self.terminal.places.len() < 2 {
            return false;
        }
        self.terminal.places.pop();
        self.moved = true;
        true
    }

    /// Goes back from pods that are gone: their shells were killed. Gives the status that is left of them.
    pub(super) fn cut_off(&mut self, io: &mut Io) -> Option<i32> {
        let mut code = None;
        while let Place::Pod(namespace, name) = self.terminal.place().clone() {
            let pod = self.cluster.store().get(&Ref::new(Kind::Pod, namespace, name));
            let pod = pod.and_then(|pod| pod.body::<Pod>());
            if pod.is_some_and(|pod| !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")) || !self.leave() {
                break;
            }
            self.hang_up(io);
            io.err("command terminated with exit code 137\n");
            super::kubectl::left(self, io);
            code = Some(137);
        }
        code
    }

    /// The nodes and their addresses, the control plane first.
    pub(super) fn nodes(&self) -> Vec<(String, String)> {
        let mut nodes: Vec<_> = self.cluster.store().all::<Node>().collect();
        crate::sort::by_key(&mut nodes, |(meta, _)| !meta.labels.contains_key("node-role.kubernetes.io/control-plane"));
        let address = |node: &Node| node.status.address("InternalIP").unwrap_or_default().to_owned();
        nodes.into_iter().map(|(meta, node)| (meta.name.clone(), address(node))).collect()
    }

    /// The place that a trace's `from` names.
    pub(super) fn place_named(&self, word: &str) -> Option<Place> {
        let place = Place::parse(word)?;
        let exists = match &place {
            Place::Laptop | Place::Internet | Place::Cloud(_) => true,
            Place::Node(name) => self.cluster.store().get(&Ref::new(Kind::Node, "", name.clone())).is_some(),
            Place::Pod(namespace, name) => {
                let pod = self.cluster.store().get(&Ref::new(Kind::Pod, namespace.clone(), name.clone()));
                pod.and_then(|pod| pod.body::<Pod>()).is_some_and(|pod| !pod.status.pod_ip.is_empty())
            }
        };
        exists.then_some(place)
    }
}
